"""Domains are told of messages that failed: soon, seldom, without people in it, and only who may have it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.dns import Answer, Question
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.feedback import FeedbackReport
from pillarbox.formats.report.incoming import read_report
from pillarbox.services.reports.failures import Failures
from pillarbox.workers.failure_sending import FailureSending, FailureSettings
from tests.directory_fixture import Office, office
from tests.support.failed_mail import RUF, authenticated, peer, signature
from tests.support.queued_mail import queued_reports
from tests.support.txt_table import TxtTable

__all__ = ["office"]

MESSAGE = (
    b"Received: from a (a [192.0.2.8]) by b for <Bob@example.org>; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: Bob <bob@sender.example>\r\nSubject: Layoffs\r\nMessage-ID: <7@sender.example>\r\n\r\nThe secret body.\r\n"
)
BROKEN = signature("sender.example", "fail", "the body was changed")


class Desk:
    """Failures of so many processes, and what was queued."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.dns = TxtTable(
            {
                "_dmarc.sender.example": [b"v=DMARC1; p=reject; " + RUF.encode()],
                "sender.example": [b"v=spf1 ip4:192.0.2.7 -all"],
            }
        )
        self.processes = [Failures() for _ in range(2)]

    def fail(
        self, *signatures: Any, address: str = "192.0.2.66", tags: str = RUF, process: int = 0, **more: Any
    ) -> None:
        """A message failed."""
        found = authenticated(tags, *signatures, **more)
        who = peer(address, now=self.office.clock.now_ms() // 1000)
        self.processes[process].offer(found, who, "reject", MESSAGE)

    def look(self, *, after: int = 60, duties: int = 9, **settings: Any) -> None:
        """What the workers do after so many seconds; so many of them tell."""
        fields = settings.pop("fields", ("From", "Message-ID", "Received"))
        self.office.clock.forward(seconds=after)
        chosen = FailureSettings(hostname="mx.example.org", fields=fields, **settings)

        async def once() -> None:
            bridge = bridge_to(self.office.store)
            workers = [
                FailureSending(bridge, self.dns, each, chosen if number < duties else None)
                for number, each in enumerate(self.processes)
            ]
            await asyncio.gather(*(worker.once() for worker in workers))
            await bridge.close()

        asyncio.run(once())

    def sent(self) -> list[tuple[str, bytes]]:
        """(recipient, message) of all reports in the queue."""
        return queued_reports(self.office)

    def to(self) -> list[str]:
        return [address for address, _ in self.sent()]


class Breaking(TxtTable):
    """A DNS that fails in a way that nobody expects, for one domain."""

    def answer(self, question: Question) -> Answer:
        if question.name.startswith("broken.example."):
            raise RuntimeError(question.name)
        return super().answer(question)


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def read(data: bytes) -> FeedbackReport:
    report = read_report(scan(data), data)
    assert isinstance(report, FeedbackReport)
    return report


def test_a_failure_is_told_with_all_that_the_rfc_requires(desk: Desk) -> None:
    desk.fail(BROKEN)
    desk.fail(BROKEN)
    desk.look()
    ((address, data),) = desk.sent()
    assert address == "ruf@sender.example"
    report = read(data)
    assert (report.feedback_type, report.auth_failure, report.version) == ("auth-failure", "dmarc", "1")
    assert (report.identity_alignment, report.delivery_result) == ("dkim, spf", "reject")
    assert (report.dkim_domain, report.dkim_selector) == ("sender.example", "sel")
    assert report.dkim_identity.endswith("@sender.example")
    assert report.spf_dns == ('txt : sender.example : "v=spf1 ip4:192.0.2.7 -all"',)
    assert report.reported_domains == ("sender.example",)
    assert (report.source_ip, report.reporting_mta, report.incidents) == ("192.0.2.66", "mx.example.org", 2)
    assert report.arrived_at is not None
    assert report.arrived_at.timestamp() == 1_700_000_000
    (results,) = report.authentication_results
    assert results.startswith("mx.example.org; spf=fail smtp.mailfrom=")
    assert "dmarc=fail header.from=sender.example" in results
    assert report.message_id == "7@sender.example"
    for field in (b"From: postmaster@example.org\r\n", b"Auto-Submitted: auto-generated\r\n", b"MIME-Version: 1.0\r\n"):
        assert field in data
    assert b"Content-Type: multipart/report; report-type=feedback-report" in data.replace(b"\r\n ", b" ")
    assert b"Content-Type: text/rfc822-headers" in data


def test_nobody_and_nothing_of_the_text_is_in_it_unless_that_is_wanted(desk: Desk) -> None:
    desk.fail(BROKEN)
    desk.look()
    ((_, data),) = desk.sent()
    for secret in (b"bob", b"mallory", b"layoffs", b"secret body"):
        assert secret not in data.lower()
    desk.fail(BROKEN, author="other.example", tags="ruf=mailto:ruf@other.example")
    desk.look(redact=False, fields=("*",))
    whole = dict(desk.sent())["ruf@other.example"]
    assert b"From: Bob <bob@sender.example>\r\nSubject: Layoffs\r\n" in whole
    assert b"Original-Mail-From: <Mallory@sender.example>\r\n" in whole
    assert b"secret body" not in whole


def test_people_are_the_same_letters_in_all_reports_of_a_year(desk: Desk) -> None:
    desk.fail()
    desk.look()
    desk.fail(address="192.0.2.67")
    desk.look()
    first, second = (read(data).original_mail_from for _, data in desk.sent())
    assert first == second
    desk.office.clock.forward(seconds=366 * 86_400)
    desk.fail()
    desk.look()
    assert len({read(data).original_mail_from for _, data in desk.sent()}) == 2


def test_what_fails_alike_is_told_once_an_hour_by_all_processes(desk: Desk) -> None:
    desk.fail()
    desk.fail(process=1)
    desk.look()
    assert len(desk.to()) == 1
    desk.fail()
    desk.look(after=3500)
    assert len(desk.to()) == 1
    desk.look(after=100)
    assert len(desk.to()) == 2


def test_a_crash_loses_nothing_that_a_process_has_stored(desk: Desk) -> None:
    desk.fail()
    desk.look(after=30)
    assert desk.to() == []
    desk.processes = [Failures()]
    desk.look(after=30)
    assert desk.to() == ["ruf@sender.example"]


def test_only_processes_with_that_duty_tell_and_all_store_what_they_have(desk: Desk) -> None:
    desk.fail(process=0)
    desk.fail(process=1)
    desk.look(duties=0)
    assert desk.to() == []
    assert [failures.take() for failures in desk.processes] == [[], []]
    desk.look(after=0, duties=1)
    ((_, data),) = desk.sent()
    assert read(data).incidents == 2


def test_one_that_cannot_be_written_is_told_of_no_more_and_holds_up_no_others(desk: Desk) -> None:
    table = desk.dns
    desk.dns = Breaking(table.records)
    desk.fail(author="broken.example", tags="ruf=mailto:a@elsewhere.example")
    desk.fail(address="192.0.2.67")
    desk.look()
    assert desk.to() == ["ruf@sender.example"]
    desk.dns = table
    desk.look()
    assert desk.to() == ["ruf@sender.example"]


def test_what_is_stored_as_the_process_stops_is_not_lost(desk: Desk) -> None:
    desk.fail()

    async def stopped() -> None:
        bridge = bridge_to(desk.office.store)
        task = asyncio.create_task(FailureSending(bridge, desk.dns, desk.processes[0]).run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bridge.close()

    asyncio.run(stopped())
    desk.processes = [Failures()]
    desk.look()
    assert desk.to() == ["ruf@sender.example"]


def test_no_domain_gets_more_than_so_many_an_hour_wherever_they_come_from(desk: Desk) -> None:
    for number in range(12):
        desk.fail(address=f"198.51.100.{number}", process=number % 2)
    desk.look(an_hour=5)
    assert len(desk.to()) == 5
    desk.fail(address="203.0.113.1")
    desk.processes = [Failures()]  # a restart
    desk.fail(address="203.0.113.2")
    desk.look(an_hour=5)
    assert len(desk.to()) == 5
    desk.fail(address="203.0.113.3")
    desk.look(after=3600, an_hour=5)
    assert len(desk.to()) == 6


def test_no_source_causes_more_than_ten_an_hour_whatever_domains_it_uses(desk: Desk) -> None:
    for number in range(8):
        for process in range(2):
            name = f"d{number}{process}.example"
            desk.dns.records[f"_dmarc.{name}"] = [f"v=DMARC1; p=reject; ruf=mailto:a@{name}".encode()]
            desk.fail(author=name, tags=f"ruf=mailto:a@{name}", process=process)
    desk.look()
    assert len(desk.to()) == 10


def test_all_addresses_of_the_record_are_told_and_those_elsewhere_only_if_they_agree(desk: Desk) -> None:
    tags = "ruf=mailto:a@sender.example,mailto:b@agreed.example,mailto:c@victim.example,mailto:d@moved.example"
    desk.dns.records["sender.example._report._dmarc.agreed.example"] = [b"v=DMARC1"]
    desk.dns.records["sender.example._report._dmarc.moved.example"] = [b"v=DMARC1; ruf=mailto:new@moved.example"]
    desk.fail(tags=tags)
    desk.look()
    assert desk.to() == ["a@sender.example", "b@agreed.example", "new@moved.example"]


def test_nothing_goes_to_ourselves_and_nothing_leaves_without_a_domain_or_a_dns(desk: Desk) -> None:
    desk.fail(tags="ruf=mailto:postmaster@example.org", author="example.org")
    desk.look()
    desk.dns.is_up = False
    desk.fail(tags="ruf=mailto:a@elsewhere.example")
    desk.look()
    desk.dns.is_up = True
    assert desk.to() == []
    (domain,) = desk.office.records("Domain")
    desk.office.update("Domain", domain["id"], {"isEnabled": False})
    desk.fail(address="192.0.2.99")
    desk.look()
    desk.office.update("Domain", domain["id"], {"isEnabled": True})
    assert desk.to() == []


def test_reports_of_a_method_alone_say_only_that(desk: Desk) -> None:
    desk.fail(BROKEN, tags=f"{RUF}; fo=d", result="pass", spf="pass", dkim_aligned=True)
    desk.look()
    ((_, data),) = desk.sent()
    report = read(data)
    assert (report.auth_failure, report.identity_alignment, report.spf_dns) == ("bodyhash", "spf", ())
    assert report.dkim_selector == "sel"


def test_a_report_that_was_sent_is_one_that_is_never_told_of(desk: Desk) -> None:
    desk.fail()
    desk.look()
    ((_, data),) = desk.sent()
    again = Failures()
    again.offer(authenticated(), peer("203.0.113.9"), "reject", data)
    assert again.take() == []
