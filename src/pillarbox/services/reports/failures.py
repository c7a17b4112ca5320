"""Messages that failed, set aside until a worker tells of them: bounded, those that are alike as one.

Whoever forges mail must not be able to have us write much of it: what fails alike is told once an hour with its number,
and one source can neither cause many reports nor take the room of others.

Sections: RFC 9991 §2, §8.1; RFC 3834 §2, §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.header_block import read_block
from pillarbox.services import observed
from pillarbox.services.dmarc_failure import Failure, failure_of
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer
from pillarbox.services.reports.counts import seems_report
from pillarbox.services.reports.inbox import AddressSet
from pillarbox.services.throttle import network_of

GATHER_MS, QUIET_MS = 60_000, 3_600_000
_MOST, _MOST_OF_SOURCE, _MOST_OF_DOMAIN = 500, 10, 50
_MAX_HEADER = 32_768
_MAX_FIELDS = 1000


class Likeness(NamedTuple):
    """What is the same of failures that are told as one."""

    domain: str
    network: str
    kind: str


class Failures:
    """Failures of one process. For one event loop."""

    def __init__(self, clock: Clock, not_to: Sequence[str] = ()) -> None:
        """`not_to`: addresses (see AddressSet) that reports go to or come from; of mail to them nobody hears."""
        self._clock, self._not_to = clock, AddressSet(not_to)
        self._waiting: dict[Likeness, Failure] = {}
        self._due: dict[Likeness, int] = {}
        self._quiet: dict[Likeness, int] = {}  # until when nothing is told after it was

    def offer(
        self, found: Authenticated, peer: CheckedPeer, applied: str, data: bytes, recipients: Sequence[str] = ()
    ) -> None:
        """Note a message from outside if its domain wants to hear of it; `applied` is what is done with it."""
        failure = failure_of(found, peer, applied)
        if failure is None or any(map(self._not_to.has, recipients)) or seems_report(data):
            return
        header = data[: min(read_block(data, 0, _MAX_FIELDS, _MAX_HEADER).body_start, _MAX_HEADER)]
        if is_automatic(header):
            return
        key = Likeness(failure.domain, network_of(failure.address), failure.kind)
        first = self._waiting.get(key)
        if first is not None:
            self._waiting[key] = msgspec.structs.replace(first, incidents=first.incidents + 1)
        elif self._has_room(key):
            self._waiting[key] = msgspec.structs.replace(failure, header=header)
            self._due[key] = max(self._clock.now_ms() + GATHER_MS, self._quiet.get(key, 0))
        else:
            observed.FAILURE_REPORTS.count("no_room")

    def take(self, most: int) -> list[Failure]:
        """Failures whose time has come; of their like nothing is told for an hour."""
        now = self._clock.now_ms()
        self._quiet = {key: until for key, until in self._quiet.items() if until > now}
        keys = [key for key, due in self._due.items() if due <= now][:most]
        for key in keys:
            self._quiet[key] = now + QUIET_MS
            del self._due[key]
        return [self._waiting.pop(key) for key in keys]

    def _has_room(self, key: Likeness) -> bool:
        sources = Counter(each.network for each in self._waiting)
        domains = Counter(each.domain for each in self._waiting)
        is_fair = sources[key.network] < _MOST_OF_SOURCE and domains[key.domain] < _MOST_OF_DOMAIN
        return is_fair and len(self._waiting) < _MOST


def is_automatic(header: bytes) -> bool:
    """Whether a machine wrote a message about others: a report, an answer. To tell of these could go in a circle."""
    fields = read_block(header, 0, _MAX_FIELDS, _MAX_HEADER).fields
    submitted = as_text(find(header, fields, "Auto-Submitted") or b"").lower().lstrip()
    kind = as_text(find(header, fields, "Content-Type") or b"").lower().lstrip()
    # RFC 3834 §5: anything but "no", with whatever parameters.
    return submitted.partition(";")[0].strip() not in ("", "no") or kind.startswith("multipart/report")
