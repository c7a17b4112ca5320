"""Reports about days that are over leave once, for who asks for them and may have them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.dmarc_record import parse_dmarc_record
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.dmarc import DmarcReport
from pillarbox.formats.report.incoming import read_report
from pillarbox.formats.report.tls import TlsReport
from pillarbox.formats.tls_result import Result
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer
from pillarbox.services.reports.counts import ReportCounts
from pillarbox.services.transport_requirement import Source
from pillarbox.storage import mta_sts
from pillarbox.storage.mta_sts import Fetched
from pillarbox.workers.relay.tally import Session, Tally
from pillarbox.workers.report_counter import ReportCounter
from pillarbox.workers.report_post import ReportPosts
from pillarbox.workers.report_sending import ReportSending, SendingSettings
from tests.directory_fixture import Office, office
from tests.support.queued_mail import queued_reports
from tests.support.txt_table import TxtTable

__all__ = ["office"]

_DAY = 86_400
RECORD = b"v=DMARC1; p=reject; rua=mailto:reports@sender.example"
MESSAGE = b"From: a@sender.example\r\nSubject: Hello\r\n\r\nHello.\r\n"


class Bureau:
    """Counts, and sends."""

    def __init__(self, office: Office) -> None:
        self.office, self.dns, self.tally = office, TxtTable({"_dmarc.sender.example": [RECORD]}), Tally()
        self.counts = ReportCounts(office.store.clock)

    def mail(
        self,
        result: str = "pass",
        address: str = "192.0.2.7",
        *,
        record: bytes = RECORD,
        applied: str = "none",
        data: bytes = MESSAGE,
        domain: str = "sender.example",
    ) -> None:
        """A message was received."""
        dmarc = DmarcOutcome(
            result=result,
            author=domain,
            policy="reject",
            disposition="none" if result == "pass" else "reject",
            is_spf_aligned=result == "pass",
            policy_domain=domain,
            organizational=domain,
            record=parse_dmarc_record(record),
        )
        found = Authenticated((), dmarc, SpfResult(result, domain, "mailfrom"), b"")
        peer = CheckedPeer(address, "mail.sender.example", f"a@{domain}", "mx.example.org", 0)
        self.counts.mail(found, peer, applied, data)

    def round(self, *, nodes: int = 1, **settings: Any) -> None:
        """What the workers of so many nodes do in a minute."""

        async def once() -> None:
            bridge = bridge_to(self.office.store)
            await ReportCounter(bridge, self.counts, self.tally).once()
            posts = ReportPosts(GuardedClient(AddressPolicy(())), self.office.clock)
            chosen = SendingSettings(hostname="mx.example.org", **settings)
            await asyncio.gather(*(ReportSending(bridge, self.dns, chosen, posts).once() for _ in range(nodes)))
            await bridge.close()

        asyncio.run(once())

    def next_day(self, **settings: Any) -> None:
        self.round(**settings)
        self.office.clock.forward(seconds=_DAY)
        self.round(**settings)

    def sent(self) -> list[tuple[str, bytes]]:
        """(recipient, message) of all reports in the queue."""
        return queued_reports(self.office)

    def to(self) -> list[str]:
        return [address for address, _ in self.sent()]


@pytest.fixture
def bureau(office: Office) -> Bureau:
    return Bureau(office)


def read(data: bytes) -> DmarcReport:
    report = read_report(scan(data), data)
    assert isinstance(report, DmarcReport)
    return report


def test_a_day_of_mail_becomes_one_report(bureau: Bureau) -> None:
    for _ in range(3):
        bureau.mail()
    bureau.round()
    bureau.mail()
    bureau.mail("fail", "192.0.2.66", applied="reject")
    bureau.round()
    assert bureau.sent() == []
    bureau.next_day()
    ((address, data),) = bureau.sent()
    report = read(data)
    assert address == "reports@sender.example"
    assert [(row.source_ip, row.count, row.disposition) for row in report.rows] == [
        ("192.0.2.7", 4, "pass"),
        ("192.0.2.66", 1, "reject"),
    ]
    assert (report.policy.domain, report.policy.p, report.organization) == ("sender.example", "reject", "example.org")
    begin = 1_700_000_000 // _DAY * _DAY
    assert (report.begins_at, report.ends_at) == (begin, begin + _DAY - 1)
    assert b"From: postmaster@example.org\r\n" in data
    assert b"Auto-Submitted: auto-generated\r\n" in data


def test_two_nodes_and_a_restart_send_a_report_once(bureau: Bureau) -> None:
    bureau.mail()
    bureau.round()
    bureau.office.clock.forward(seconds=_DAY)
    bureau.round(nodes=2)
    bureau.round()
    assert bureau.to() == ["reports@sender.example"]


def test_what_a_slow_process_counted_is_not_a_second_report(bureau: Bureau) -> None:
    bureau.mail()
    late = ReportCounts(bureau.office.store.clock)
    early, bureau.counts = bureau.counts, late
    bureau.mail(address="192.0.2.8")
    bureau.counts = early
    bureau.next_day()
    bureau.counts = late
    bureau.round()
    bureau.round()
    assert len(bureau.to()) == 1


def test_nobody_hears_who_did_not_ask_or_whose_host_does_not_agree(bureau: Bureau) -> None:
    bureau.mail(record=b"v=DMARC1; p=reject", domain="silent.example")
    record = b"v=DMARC1; p=reject; rua=mailto:a@victim.example"
    bureau.mail(record=record, domain="bomber.example")
    bureau.dns.records["_dmarc.bomber.example"] = [record]
    bureau.next_day()
    assert bureau.to() == []


def test_another_host_that_agrees_gets_the_report(bureau: Bureau) -> None:
    bureau.dns.records["_dmarc.sender.example"] = [b"v=DMARC1; p=reject; rua=mailto:r@service.example"]
    bureau.dns.records["sender.example._report._dmarc.service.example"] = [b"v=DMARC1"]
    bureau.mail()
    bureau.next_day()
    assert bureau.to() == ["r@service.example"]


def test_no_report_goes_to_ourselves(bureau: Bureau) -> None:
    record = b"v=DMARC1; p=reject; rua=mailto:postmaster@example.org"
    bureau.dns.records["_dmarc.example.org"] = [record]
    bureau.mail(record=record, domain="example.org")
    bureau.next_day()
    assert bureau.to() == []


@pytest.mark.parametrize(
    "sign", [b"Subject: Report Domain: a Submitter: b", b"Content-Type: multipart/report; report-type=tlsrpt"]
)
def test_mail_that_is_a_report_is_not_counted(bureau: Bureau, sign: bytes) -> None:
    bureau.mail(data=sign + b"\r\n" + MESSAGE)
    bureau.next_day()
    assert bureau.to() == []


def test_without_an_answer_of_the_dns_it_is_tried_for_some_days(bureau: Bureau) -> None:
    bureau.mail()
    bureau.dns.is_up = False
    bureau.next_day()
    bureau.office.clock.forward(seconds=3_700)
    bureau.round()
    bureau.dns.is_up = True
    bureau.office.clock.forward(seconds=_DAY)
    bureau.round()
    assert len(bureau.to()) == 1


def test_what_is_too_old_or_not_wanted_any_more_is_forgotten(bureau: Bureau) -> None:
    bureau.mail()
    bureau.round()
    bureau.office.clock.forward(seconds=6 * _DAY)
    bureau.round()
    bureau.mail()
    bureau.next_day(dmarc=False)
    bureau.round()
    assert bureau.to() == []


def test_a_report_is_cut_to_the_size_that_is_asked_for(bureau: Bureau) -> None:
    record = b"v=DMARC1; p=reject; rua=mailto:small@sender.example!4k,mailto:all@sender.example"
    bureau.dns.records["_dmarc.sender.example"] = [record]
    for number in range(500):
        bureau.mail(record=record, address=f"10.{number * 7 % 251}.{number // 250}.{number % 250}")
    bureau.mail(record=record, address="192.0.2.7")
    bureau.mail(record=record, address="192.0.2.7")
    bureau.next_day()
    (_, whole), (_, small) = bureau.sent()
    assert len(read(whole).rows) == 501
    assert len(small) <= 4096
    assert 0 < len(read(small).rows) < 501
    assert read(small).rows[0].source_ip == "192.0.2.7"


def test_tls_sessions_become_a_report_to_the_address_of_the_record(bureau: Bureau) -> None:
    for result in (None, None, Result.EXPIRED):
        bureau.tally.count(Session("sender.example", Source.STS, "mx.sender.example", "192.0.2.7", result))
    bureau.tally.count(Session("silent.example", Source.NONE, "mx.silent.example", "192.0.2.8", None))
    bureau.dns.records["_smtp._tls.sender.example"] = [b"v=TLSRPTv1; rua=mailto:tls@sender.example"]
    policy = Fetched("1", b"version: STSv1\r\nmode: enforce\r\nmx: mx.sender.example\r\nmax_age: 86400\r\n", 0, 2**44)
    bureau.office.store.write(lambda tx: mta_sts.put(tx.db, "sender.example", policy))
    bureau.next_day()
    ((address, data),) = bureau.sent()
    assert address == "tls@sender.example"
    report = read_report(scan(data), data)
    assert isinstance(report, TlsReport)
    (result_of_policy,) = report.policies
    assert result_of_policy.policy.policy_type == "sts"
    assert result_of_policy.policy.mx_host == ["mx.sender.example"]
    assert "mode: enforce" in result_of_policy.policy.policy_string
    assert result_of_policy.summary.total_successful_session_count == 2
    (failure,) = result_of_policy.failure_details
    assert (failure.result_type, failure.failed_session_count) == ("certificate-expired", 1)
    assert b"TLS-Report-Domain: sender.example\r\n" in data


def test_counts_that_could_not_be_stored_are_not_lost(bureau: Bureau) -> None:
    bureau.mail()
    rows = bureau.counts.take()
    bureau.counts.give_back(rows)
    bureau.mail()
    assert [row.total for row in bureau.counts.take()] == [2]
