"""Reports to others that have not left yet: what was counted for them so far.

What processes have counted within the last minute is in their memory, and not told here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.dmarc_report import DmarcSource
from pillarbox.datatypes.admin.tls_report import TlsFailure
from pillarbox.services.reports.counts import DAY_MS, DMARC, MOST_A_DAY, decode_dmarc, decode_tls, due_ms
from pillarbox.services.reports.received import source_of
from pillarbox.storage import report_count
from pillarbox.storage.report_count import Counted, Pending
from pillarbox.storage.snapshot import Snapshot

MOST = 10_000
_MOST_COUNTS = 100
_ID = re.compile(r"(dmarc|tls)-([0-9]{1,7})-[0-9a-f]{20}\Z")


class PendingReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A report about a domain's mail, or about TLS with its servers; `kind` is dmarc or tls.

    `total` is messages or sessions. `counts` are the most frequent of its rows, as DmarcReport's `sources` and
    TlsReport's `failures`, with the result "success" for those that did not fail; told only if asked for. Whether the
    domain wants the report is asked at `dueAt`.
    """

    id: str
    kind: str
    domain: str
    begins_at: str
    due_at: str
    total: int
    rows: int
    counts: list[DmarcSource | TlsFailure] = []


class Search(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which reports; None is any."""

    kind: str | None = None
    domain: str | None = None


def find(view: Snapshot, search: Search) -> list[PendingReport]:
    """The reports that are searched for, the oldest day first, at most `MOST`."""
    domain = search.domain.lower() if search.domain is not None else None
    return [_told(one) for one in report_count.pending(view.db, MOST, kind=search.kind, domain=domain)]


def show(view: Snapshot, ids: Sequence[str], *, with_counts: bool) -> dict[str, PendingReport]:
    """Reports by id, as far as they have not left."""
    days = {(match[1], int(match[2])) for id in ids if (match := _ID.match(id))}
    wanted, found = set(ids), dict[str, PendingReport]()
    for kind, day in sorted(days):
        for one in report_count.pending(view.db, MOST_A_DAY, kind=kind, day=day):
            told = _told(one)
            if told.id in wanted:
                found[told.id] = msgspec.structs.replace(told, counts=_counts(view, one)) if with_counts else told
    return found


def _told(one: Pending) -> PendingReport:
    return PendingReport(
        id=f"{one.kind}-{one.day}-{hashlib.sha256(one.domain.encode()).hexdigest()[:20]}",
        kind=one.kind,
        domain=one.domain,
        begins_at=utc_date(one.day * DAY_MS),
        due_at=utc_date(due_ms(one.kind, one.day, one.domain)),
        total=one.total,
        rows=one.rows,
    )


def _counts(view: Snapshot, one: Pending) -> list[DmarcSource | TlsFailure]:
    return [_count(row) for row in report_count.rows_of(view.db, one.kind, one.day, one.domain, _MOST_COUNTS)]


def _count(row: Counted) -> DmarcSource | TlsFailure:
    if row.kind == DMARC:
        return source_of(msgspec.structs.replace(decode_dmarc(row.what).row, count=row.total))
    what = decode_tls(row.what)
    return TlsFailure(
        policy=what.source,
        result=what.result or "success",
        sessions=row.total,
        receiving_host=what.host,
        receiving_address=what.address,
    )
