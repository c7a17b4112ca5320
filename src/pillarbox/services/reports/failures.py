"""Messages that failed, set aside until a worker brings them to the store: bounded, those that are alike as one.

Whoever forges mail must not be able to have us write much of it: what fails alike is told once an hour with its number,
and one source can neither cause many reports nor take the room of others.

Sections: RFC 9991 §2, §8.1; RFC 3834 §2, §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.header_block import read_block
from pillarbox.services import observed
from pillarbox.services.dmarc_failure import Failure, failure_of
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer
from pillarbox.services.reports.counts import seems_report
from pillarbox.services.reports.inbox import AddressSet
from pillarbox.services.throttle import network_of
from pillarbox.storage.waiting_failure import Likeness

MOST, MOST_OF_SOURCE, MOST_OF_DOMAIN = 500, 10, 50  # that wait
_MAX_HEADER = 32_768
_MAX_FIELDS = 1000


class Failures:
    """Failures of one process. For one event loop."""

    def __init__(self, not_to: Sequence[str] = ()) -> None:
        """`not_to`: addresses (see AddressSet) that reports go to or come from; of mail to them nobody hears."""
        self._not_to = AddressSet(not_to)
        self._fresh: dict[Likeness, Failure] = {}

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
        key = likeness_of(failure)
        first = self._fresh.get(key)
        if first is not None:
            self._fresh[key] = msgspec.structs.replace(first, incidents=first.incidents + 1)
        elif self._has_room(key):
            self._fresh[key] = msgspec.structs.replace(failure, header=header)
        else:
            observed.FAILURE_REPORTS.count("no_room")

    def take(self) -> list[Failure]:
        """What failed since the last time."""
        taken, self._fresh = self._fresh, {}
        return list(taken.values())

    def give_back(self, failures: Sequence[Failure]) -> None:
        """Set aside again what could not be stored."""
        for failure in failures:
            key = likeness_of(failure)
            later = self._fresh.get(key)
            incidents = failure.incidents + (later.incidents if later is not None else 0)
            self._fresh[key] = msgspec.structs.replace(failure, incidents=incidents)

    def _has_room(self, key: Likeness) -> bool:
        sources = Counter(each.network for each in self._fresh)
        domains = Counter(each.domain for each in self._fresh)
        is_fair = sources[key.network] < MOST_OF_SOURCE and domains[key.domain] < MOST_OF_DOMAIN
        return is_fair and len(self._fresh) < MOST


def likeness_of(failure: Failure) -> Likeness:
    """What it has in common with those that are told as one with it."""
    return Likeness(failure.domain, network_of(failure.address), failure.kind)


def is_automatic(header: bytes) -> bool:
    """Whether a machine wrote a message about others: a report, an answer. To tell of these could go in a circle."""
    fields = read_block(header, 0, _MAX_FIELDS, _MAX_HEADER).fields
    submitted = as_text(find(header, fields, "Auto-Submitted") or b"").lower().lstrip()
    kind = as_text(find(header, fields, "Content-Type") or b"").lower().lstrip()
    # RFC 3834 §5: anything but "no", with whatever parameters.
    return submitted.partition(";")[0].strip() not in ("", "no") or kind.startswith("multipart/report")
