"""What is counted for the reports that we send: in memory, and added to the store once a minute, not for each message.

Sections: RFC 9990 §3.1.1; RFC 8460 §4.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.datatypes.view import View
from pillarbox.formats.report.dmarc import DmarcRow, Override, PublishedPolicy
from pillarbox.services.dmarc_observation import observed, published
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer
from pillarbox.storage import report_count
from pillarbox.storage.report_count import Counted
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

DMARC, TLS = "dmarc", "tls"
DAY_MS = 86_400_000
_MOST_IN_MEMORY = 20_000
MOST_A_DAY = 200_000  # of a kind: who sends under many names must not fill the store
_FIRST_MS = 15 * 60_000  # after midnight: every process has told by then what it counted
_SPREAD_MS = 4 * 3_600_000  # not everybody's reports at the same minute
_HEAD = 65_536
_SIGNS_OF_REPORTS = (b"report domain:", b"feedback-report", b"tlsrpt")


class DmarcCount(msgspec.Struct, frozen=True):
    """What was the same of some messages: their row, its count aside, and the policy that it was judged by."""

    policy: PublishedPolicy
    row: DmarcRow


class TlsCount(msgspec.Struct, frozen=True):
    """What was the same of some sessions. `result` is a word of RFC 8460 §4.3, or empty for success."""

    source: str
    host: str = ""
    address: str = ""
    result: str = ""


class _Key(NamedTuple):
    kind: str
    day: int
    domain: str
    what: bytes


_encode = msgspec.json.Encoder(order="deterministic").encode
decode_dmarc = msgspec.json.Decoder(DmarcCount).decode
decode_tls = msgspec.json.Decoder(TlsCount).decode


class ReportCounts:
    """Counts of one process. For one event loop."""

    def __init__(self, clock: Clock, *, dmarc: bool = True) -> None:
        self._clock, self._wants_dmarc = clock, dmarc
        self._counts: Counter[_Key] = Counter()

    def mail(self, found: Authenticated, peer: CheckedPeer, applied: str, data: bytes) -> None:
        """Count a message from outside; `applied` is what is done with it for DMARC: none, quarantine, reject.

        Mail whose domain wants no reports is not counted, and neither is what looks like a report itself and is proved
        to be its author's: else a forger would only have to make it look so.
        """
        dmarc = found.dmarc
        if not self._wants_dmarc or dmarc.record is None or not dmarc.record.aggregate or dmarc.policy_domain is None:
            return
        row = observed(found, peer, applied, Override("local_policy"))
        if row is not None and not (dmarc.result == "pass" and seems_report(data)):
            self._add(DMARC, dmarc.policy_domain, DmarcCount(published(dmarc.policy_domain, dmarc.record), row))

    def session(self, domain: str, what: TlsCount, times: int = 1) -> None:
        """Count sessions with a domain's mail exchanges."""
        self._add(TLS, domain, what, times)

    def _add(self, kind: str, domain: str, what: DmarcCount | TlsCount, times: int = 1) -> None:
        key = _Key(kind, self._clock.now_ms() // DAY_MS, domain, _encode(what))
        if key in self._counts or len(self._counts) < _MOST_IN_MEMORY:
            self._counts[key] += times

    def take(self) -> list[Counted]:
        """What was counted since the last time."""
        taken, self._counts = self._counts, Counter()
        return [
            Counted(key.kind, key.day, key.domain, hashlib.sha256(key.what).hexdigest()[:32], key.what.decode(), total)
            for key, total in taken.items()
        ]

    def give_back(self, rows: Sequence[Counted]) -> None:
        """Count again what could not be stored."""
        for row in rows:
            self._counts[_Key(row.kind, row.day, row.domain, row.what.encode())] += row.total


def seems_report(data: bytes) -> bool:
    """Whether a message may carry a report: nobody is told about these, or reports would cause reports."""
    head = data[:_HEAD].lower()
    return any(sign in head for sign in _SIGNS_OF_REPORTS)


def store_counts(tx: Transaction, rows: Sequence[Counted]) -> None:
    """Add what was counted to the store, as far as there is room."""
    for kind, day in {(row.kind, row.day) for row in rows}:
        room = MOST_A_DAY - report_count.size(tx.db, kind, day, MOST_A_DAY)
        report_count.add(tx.db, [row for row in rows if (row.kind, row.day) == (kind, day)][: max(0, room)])


def due_reports(view: Snapshot, kind: str, most: int = 10_000) -> list[tuple[int, str]]:
    """(day, domain) of reports about days that are over."""
    return report_count.due(view.db, kind, view.now_ms // DAY_MS, most)


def due_ms(kind: str, day: int, domain: str) -> int:
    """When a report leaves: some time in the first hours after its day, the same on each node."""
    digest = hashlib.sha256(f"{kind} {domain}".encode()).digest()
    return (day + 1) * DAY_MS + _FIRST_MS + int.from_bytes(digest[:4], "big") % _SPREAD_MS


def was_sent(view: View, account: str, kind: str, day: int, domain: str) -> bool:
    """Whether a report about that day has left: what a slow process counted afterwards is not told."""
    return view.recall(account, "report", f"{kind} {day} {domain}") is not None


def note_sent(tx: Transaction, account: str, kind: str, day: int, domain: str) -> None:
    """Remember that a report has left, and forget what was counted for it."""
    report_count.drop(tx.db, kind, day, domain)
    tx.keep_memo(account, "report", f"{kind} {day} {domain}", "", tx.now_ms + 7 * DAY_MS)
