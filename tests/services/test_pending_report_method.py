"""PendingReport: what is counted for reports that have not left yet."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.formats.report.dmarc import PublishedPolicy
from pillarbox.services.dmarc_failure import failure_of
from pillarbox.services.reports.counts import DMARC, TLS, DmarcCount, ReportCounts, TlsCount, due_ms, store_counts
from pillarbox.services.reports.waiting_failure import end, store_failures
from pillarbox.storage import report_count
from pillarbox.storage.report_count import Counted
from tests.directory_fixture import Office, office
from tests.support.failed_mail import authenticated, peer
from tests.support.report_mail import row

__all__ = ["office"]

_DAY = 86_400_000


@pytest.fixture
def counted(office: Office) -> Office:
    """Mail of two domains, and TLS with one of them, of one day."""
    day = office.clock.now_ms() // _DAY
    rows = [
        Counted(DMARC, day, domain, address, _mail(domain, address, passes=times == 3), times)
        for times, domain, address in (
            (3, "a.example", "192.0.2.1"),
            (1, "a.example", "192.0.2.2"),
            (1, "b.example", ""),
        )
    ]
    counts = ReportCounts(office.clock)
    counts.session("a.example", TlsCount("sts", "mx.a.example", "192.0.2.7"), 4)
    counts.session("a.example", TlsCount("sts", "mx.a.example", "192.0.2.7", "certificate-expired"), 2)
    office.store.write(lambda tx: store_counts(tx, [*rows, *counts.take()]))
    return office


def _mail(domain: str, address: str, *, passes: bool) -> str:
    count = DmarcCount(PublishedPolicy(domain=domain), row(address, 1, passes=passes))
    return msgspec.json.encode(count).decode()


def told(office: Office, *properties: str, **search: str) -> list[dict[str, object]]:
    ids = office.call("PendingReport/query", filter=search)["ids"]
    found = office.call("PendingReport/get", ids=ids, properties=list(properties) or None)
    assert found["notFound"] == []
    records: list[dict[str, object]] = found["list"]
    return records


def test_reports_are_listed_with_what_they_add_up_to_and_when_they_leave(counted: Office) -> None:
    first, second, tls = told(counted)
    assert (first["kind"], first["domain"], first["total"], first["rows"]) == ("dmarc", "a.example", 4, 2)
    assert first["beginsAt"] == "2023-11-14T00:00:00Z"
    assert str(first["dueAt"]) > "2023-11-15T00:15"
    assert (second["domain"], tls["kind"], tls["total"]) == ("b.example", "tls", 6)
    assert "counts" not in first


def test_failures_that_wait_are_listed_with_their_number_and_when_they_leave(counted: Office) -> None:
    now = counted.clock.now_ms()
    failure = failure_of(authenticated(), peer("192.0.2.66", now=now // 1000), "reject")
    assert failure is not None
    many = msgspec.structs.replace(failure, incidents=7)
    counted.store.write(lambda tx: store_failures(tx, [many]))
    (shown,) = told(counted, kind="failure", domain="Sender.example")
    assert (shown["kind"], shown["domain"], shown["total"], shown["rows"]) == ("failure", "sender.example", 7, 1)
    assert (shown["beginsAt"], shown["dueAt"]) == (utc_date(now), utc_date(now + 60_000))
    (shown,) = told(counted, "counts", kind="failure")
    assert shown["counts"] == [
        {
            "address": "192.0.2.66",
            "messages": 7,
            "failure": "dmarc",
            "result": "reject",
            "headerFrom": "sender.example",
            "arrivedAt": utc_date(now),
        }
    ]
    assert [one["kind"] for one in told(counted)] == ["dmarc", "dmarc", "tls", "failure"]
    assert told(counted, kind="failure", domain="a.example") == []
    counted.store.write(lambda tx: end(tx, many))
    assert told(counted, kind="failure") == []


def test_its_rows_are_told_if_they_are_asked_for(counted: Office) -> None:
    (first,) = told(counted, "counts", kind="dmarc", domain="A.example")
    assert first["counts"] == [
        {
            "address": "192.0.2.1",
            "messages": 3,
            "disposition": "none",
            "dkim": "pass",
            "spf": "pass",
            "headerFrom": "example.org",
            "dkimDomains": ["example.org"],
            "spfDomain": "example.org",
        },
        {
            "address": "192.0.2.2",
            "messages": 1,
            "disposition": "none",
            "dkim": "fail",
            "spf": "fail",
            "headerFrom": "example.org",
        },
    ]
    (tls,) = told(counted, "counts", kind="tls")
    assert [(each["result"], each["sessions"]) for each in tls["counts"]] == [  # type: ignore[attr-defined]
        ("success", 4),
        ("certificate-expired", 2),
    ]


def test_what_has_left_is_not_found(counted: Office) -> None:
    (id,) = counted.call("PendingReport/query", filter={"kind": "tls"})["ids"]
    day = counted.clock.now_ms() // _DAY
    counted.store.write(lambda tx: report_count.drop(tx.db, TLS, day, "a.example"))
    assert counted.call("PendingReport/get", ids=[id, "dmarc-x", "nonsense"])["notFound"] == [id, "dmarc-x", "nonsense"]
    assert len(told(counted)) == 2


def test_pages_and_totals(counted: Office) -> None:
    whole = counted.call("PendingReport/query")["ids"]
    page = counted.call("PendingReport/query", position=1, limit=1, calculateTotal=True)
    assert (page["ids"], page["total"], page["canCalculateChanges"]) == (whole[1:2], 3, False)


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("query", {"filter": {"kind": "x"}}, Kind.UNSUPPORTED_FILTER),
        ("query", {"filter": {"color": "x"}}, Kind.UNSUPPORTED_FILTER),
        ("get", {"ids": [], "properties": ["x"]}, Kind.INVALID_ARGUMENTS),
        ("get", {"ids": [str(n) for n in range(100_000)]}, Kind.REQUEST_TOO_LARGE),
    ],
)
def test_wrong_questions_are_refused(counted: Office, name: str, arguments: dict[str, Any], kind: Kind) -> None:
    with pytest.raises(Fault) as refused:
        counted.call(f"PendingReport/{name}", **arguments)
    assert refused.value.kind is kind


def test_the_time_is_that_of_the_worker(counted: Office) -> None:
    day = counted.clock.now_ms() // _DAY
    assert (day + 1) * _DAY < due_ms(DMARC, day, "a.example") < (day + 1) * _DAY + 5 * 3_600_000
    assert due_ms(DMARC, day, "a.example") != due_ms(TLS, day, "a.example")
