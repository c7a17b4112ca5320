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
from pillarbox.services.reports.counts import DAY_MS, DMARC, MOST_A_DAY, TLS, decode_dmarc, decode_tls, due_ms
from pillarbox.services.reports.received import source_of
from pillarbox.services.reports.waiting_failure import STALE_MS, failure_in
from pillarbox.storage import report_count, waiting_failure
from pillarbox.storage.report_count import Counted, Pending
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.waiting_failure import Waiting

MOST = 10_000
_MOST_COUNTS = 100
FAILURE = "failure"
PENDING_KINDS = (DMARC, TLS, FAILURE)
_ID = re.compile(r"(dmarc|tls)-([0-9]{1,7})-[0-9a-f]{20}\Z")
_SECOND = 1_000


class FailedMail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Messages that failed alike; `failure` is dmarc, signature, bodyhash or spf, `result` what was done with them."""

    address: str
    messages: int
    failure: str
    result: str
    header_from: str
    arrived_at: str  # the first of them


class PendingReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A report about a domain's mail, about TLS with its servers, or about mail in its name that failed.

    `kind` is dmarc, tls or failure. `total` is messages or sessions. `counts` are the most frequent of its rows, as
    DmarcReport's `sources` and TlsReport's `failures`, with the result "success" for those that did not fail; told only
    if asked for. Whether the domain wants the report is asked at `dueAt`.
    """

    id: str
    kind: str
    domain: str
    begins_at: str
    due_at: str
    total: int
    rows: int
    counts: list[DmarcSource | TlsFailure | FailedMail] = []


class Search(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Which reports; None is any."""

    kind: str | None = None
    domain: str | None = None


def find(view: Snapshot, search: Search) -> list[PendingReport]:
    """The reports that are searched for, the oldest day first, at most `MOST`."""
    domain = search.domain.lower() if search.domain is not None else None
    found: list[PendingReport] = []
    if search.kind != FAILURE:
        found += [_told(one) for one in report_count.pending(view.db, MOST, kind=search.kind, domain=domain)]
    if search.kind in (None, FAILURE):
        found += [_failed(one, with_counts=False) for one in _waiting(view, domain)]
    return sorted(found, key=lambda one: one.begins_at)[:MOST]


def show(view: Snapshot, ids: Sequence[str], *, with_counts: bool) -> dict[str, PendingReport]:
    """Reports by id, as far as they have not left."""
    days = {(match[1], int(match[2])) for id in ids if (match := _ID.match(id))}
    wanted, found = set(ids), dict[str, PendingReport]()
    for kind, day in sorted(days):
        for one in report_count.pending(view.db, MOST_A_DAY, kind=kind, day=day):
            told = _told(one)
            if told.id in wanted:
                found[told.id] = msgspec.structs.replace(told, counts=_counts(view, one)) if with_counts else told
    if any(id.startswith(FAILURE) for id in wanted):
        waiting = [_failed(one, with_counts=with_counts) for one in _waiting(view, None)]
        found |= {one.id: one for one in waiting if one.id in wanted}
    return found


def _waiting(view: Snapshot, domain: str | None) -> list[Waiting]:
    return waiting_failure.found(view.db, MOST, since=view.now_ms - STALE_MS, domain=domain)


def _failed(one: Waiting, *, with_counts: bool) -> PendingReport:
    failure = failure_in(one)
    arrived_at = utc_date(failure.arrived_at * _SECOND)
    counts = FailedMail(
        address=failure.address,
        messages=one.incidents,
        failure=failure.kind,
        result=failure.delivery_result,
        header_from=failure.author,
        arrived_at=arrived_at,
    )
    return PendingReport(
        id=f"{FAILURE}-{hashlib.sha256(' '.join(one.likeness).encode()).hexdigest()[:20]}",
        kind=FAILURE,
        domain=one.domain,
        begins_at=arrived_at,
        due_at=utc_date(one.due_at),
        total=one.incidents,
        rows=1,
        counts=[counts] if with_counts else [],
    )


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
