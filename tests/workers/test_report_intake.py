"""Reports that come by mail are read beside it, and become records."""

from __future__ import annotations

import asyncio
import base64

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.envelope import Address
from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.report.dmarc import pack
from pillarbox.formats.report.tls import Failure
from pillarbox.services.mail.incoming import Destination, Incoming
from pillarbox.services.mail_authentication import Authenticated
from pillarbox.services.recipient import Recipient
from pillarbox.services.reports.feedback_finding import findings, summary
from pillarbox.services.reports.inbox import ReportInbox
from pillarbox.services.srs import reverse_path
from pillarbox.workers.report_intake import ReportIntake
from tests.directory_fixture import Office, office
from tests.support.report_mail import dmarc_mail, feedback_mail, row, tls_mail

__all__ = ["office"]

REPORT = dmarc_mail(row("192.0.2.1", 5, passes=True), row("192.0.2.9", 2, passes=False, disposition="reject"))
_DAY = 86_400


class Intake:
    """An inbox with its worker; everything is looked at by `rounds`."""

    def __init__(self, office: Office) -> None:
        self.office, self.inbox = office, ReportInbox(("postmaster", "abuse", "tls@example.org"))

    def bring(
        self, data: bytes, to: str = "postmaster@example.org", proved: str | None = None, *, is_junk: bool = False
    ) -> None:
        incoming = Incoming(
            reading=read_message(data),
            mail_from=Address("noreply@receiver.example"),
            recipients=(Destination(Address(to), Recipient()),),
            received_ms=self.office.clock.now_ms(),
            is_quarantined=is_junk,
        )
        found = None
        if proved is not None:
            dmarc = DmarcOutcome(result="pass", author=proved)
            found = Authenticated((), dmarc, SpfResult("none", "receiver.example", "mailfrom"), b"")
        self.inbox.offer(incoming, found)

    def look(self, keep_days: int | None = None) -> None:
        async def once() -> None:
            bridge = bridge_to(self.office.store)
            await ReportIntake(bridge, self.inbox, keep_days).once()
            await bridge.close()

        asyncio.run(once())


@pytest.fixture
def intake(office: Office) -> Intake:
    return Intake(office)


def test_a_report_becomes_a_record_with_what_fails_first(intake: Intake) -> None:
    intake.bring(REPORT, proved="receiver.example")
    intake.look()
    (record,) = intake.office.records("DmarcReport")
    assert record["domain"] == "example.org"
    assert (record["reporter"], record["senderDomain"]) == ("Receiver", "receiver.example")
    assert (record["beginsAt"], record["endsAt"]) == ("2026-11-01T00:00:00Z", "2026-11-01T23:59:59Z")
    assert (record["messages"], record["passed"], record["rejected"]) == (7, 5, 2)
    assert [source["address"] for source in record["sources"]] == ["192.0.2.9", "192.0.2.1"]
    assert record["sources"][1]["dkimDomains"] == ["example.org"]
    assert "key" not in record


def test_a_report_with_a_date_that_has_no_utc_date_does_not_take_others_with_it(intake: Intake) -> None:
    intake.bring(REPORT)
    intake.bring(tls_mail(1, id="odd", ends_at="9999-12-31T23:59:59-01:00"))
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 1
    assert [record["endsAt"] for record in intake.office.records("TlsReport")] == [""]


def test_a_tls_report_becomes_a_record(intake: Intake) -> None:
    failure = Failure(result_type="certificate-expired", receiving_mx_hostname="mx.example.org", failed_session_count=3)
    intake.bring(tls_mail(10, failure), to="tls@example.org")
    intake.look()
    (record,) = intake.office.records("TlsReport")
    assert (record["domain"], record["succeeded"], record["failed"]) == ("example.org", 10, 3)
    assert record["policies"] == ["sts"]
    (told,) = record["failures"]
    assert (told["result"], told["sessions"], told["receivingHost"]) == ("certificate-expired", 3, "mx.example.org")
    assert record["endsAt"] == "2026-11-01T23:59:59Z"


def test_a_complaint_becomes_a_record_of_the_account_that_it_is_about(intake: Intake) -> None:
    alice = intake.office.create("Account", name="alice@example.org", password="x" * 12)["id"]
    before = intake.office.call("FeedbackReport/get", ids=[])["state"]
    intake.bring(
        feedback_mail(
            "Original-Mail-From: <alice@example.org>", "Original-Rcpt-To: <user@receiver.example>", "Incidents: 3"
        ),
        to="abuse@example.org",
        proved="receiver.example",
    )
    intake.look()
    (record,) = intake.office.records("FeedbackReport")
    assert (record["domain"], record["address"], record["accountId"]) == ("example.org", "alice@example.org", alice)
    assert (record["feedbackType"], record["sourceAddress"], record["incidents"]) == ("abuse", "192.0.2.9", 3)
    assert (record["endsAt"], record["receivedAt"]) == ("2023-11-13T10:00:00Z", "2023-11-14T22:13:20Z")
    assert (record["senderDomain"], record["reporterEmail"]) == ("receiver.example", "noreply@receiver.example")
    assert record["recipients"] == ["user@receiver.example"]
    assert (record["subject"], record["messageId"]) == ("Harbour", "7@example.org")
    office = intake.office
    assert office.call("FeedbackReport/query", filter={"accountId": alice, "feedbackType": "abuse"})["ids"] == [
        record["id"]
    ]
    assert office.call("FeedbackReport/query", filter={"accountId": None})["ids"] == []
    assert office.call("FeedbackReport/changes", sinceState=before)["created"] == [record["id"]]


def test_feedback_through_an_alias_counts_for_its_one_account_and_a_shared_one_for_nobody(intake: Intake) -> None:
    office = intake.office
    alice, bob = (office.create("Account", name=f"{n}@example.org", password="x" * 12)["id"] for n in ("alice", "bob"))
    office.create("Alias", address="sales@example.org", targets=[alice])
    office.create("Alias", address="team@example.org", targets=[alice, bob])
    for number, name in enumerate(("Sales", "team", "nobody")):
        intake.bring(feedback_mail(author=f"{name}@example.org", id=f"f{number}"))
    intake.look()
    found = {record["address"]: record["accountId"] for record in office.records("FeedbackReport")}
    assert found == {"sales@example.org": alice, "team@example.org": None, "nobody@example.org": None}


def test_a_failure_of_authentication_is_kept_for_the_domain_though_its_author_is_redacted(intake: Intake) -> None:
    intake.bring(
        feedback_mail(
            "Auth-Failure: dmarc",
            "Identity-Alignment: dkim, spf",
            "Delivery-Result: reject",
            "Authentication-Results: mx.receiver.example; dmarc=fail header.from=mail.example.org",
            type="auth-failure",
            author="lRLxexey@redacted.invalid",
            domain="mail.example.org",
        )
    )
    intake.look()
    (record,) = intake.office.records("FeedbackReport")
    assert (record["domain"], record["address"], record["accountId"]) == ("example.org", "", None)
    assert (record["authFailure"], record["identityAlignment"]) == ("dmarc", "dkim, spf")
    assert record["deliveryResult"] == "reject"


@pytest.mark.parametrize("sender", ["Dave.Jones@far.example", f"{'long' * 15}@far.example"])
def test_a_complaint_about_mail_that_was_sent_on_tells_whose_it_was(intake: Intake, sender: str) -> None:
    path = intake.office.store.write(lambda tx: reverse_path(tx, sender, "team@example.org"))
    assert path.upper().startswith("SRS0=")
    intake.office.clock.forward(seconds=20 * _DAY)
    intake.bring(feedback_mail(f"Original-Mail-From: <{path}>", author=sender), to="abuse@example.org")
    intake.look()
    (record,) = intake.office.records("FeedbackReport")
    assert (record["sentOnFor"].lower(), record["mailFrom"]) == (sender.lower(), path)
    assert (record["domain"], record["address"], record["accountId"]) == ("example.org", "", None)
    assert summary(record) == (
        f"a complaint of unwanted mail about example.org, which sent it on for {record['sentOnFor']} from 192.0.2.9"
    )
    text = " ".join(findings(record))
    assert "Mail of another server was sent on from here" in text
    assert "password" not in text


def test_an_address_that_no_key_of_ours_has_made_is_taken_as_it_is(intake: Intake) -> None:
    path = intake.office.store.write(lambda tx: reverse_path(tx, "dave@far.example", "team@example.org"))
    forged = path.replace("dave", "erin")
    intake.bring(feedback_mail(f"Original-Mail-From: <{forged}>", author="erin@far.example"), to="abuse@example.org")
    intake.look()
    (record,) = intake.office.records("FeedbackReport")
    assert (record["sentOnFor"], record["address"]) == ("", forged.lower())


def test_feedback_about_others_is_not_kept_and_the_same_feedback_once(intake: Intake) -> None:
    intake.bring(feedback_mail(author="a@other.example", domain="other.example"))
    intake.bring(feedback_mail())
    intake.bring(feedback_mail())
    intake.look()
    intake.bring(feedback_mail())
    intake.look()
    assert [record["domain"] for record in intake.office.records("FeedbackReport")] == ["example.org"]


def test_feedback_from_the_future_is_of_now(intake: Intake) -> None:
    data = feedback_mail().replace(b"13 Nov 2023", b"13 Nov 2043")
    intake.bring(data)
    intake.look()
    (record,) = intake.office.records("FeedbackReport")
    assert record["endsAt"] == record["receivedAt"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("bomb", "why"),
    [(["Reported-URI: http://a.example"] * 1001, "too many fields"), ([f"X: {'x' * 262_144}"], "too large")],
)
def test_feedback_that_is_made_to_harm_is_left_alone(
    intake: Intake, caplog: pytest.LogCaptureFixture, bomb: list[str], why: str
) -> None:
    intake.bring(feedback_mail(*bomb))
    intake.bring(feedback_mail(id="good"))
    intake.look()
    assert [record["reportId"] for record in intake.office.records("FeedbackReport")] == ["good@receiver.example"]
    assert why in str([vars(record) for record in caplog.records])


def test_the_same_report_is_stored_once(intake: Intake) -> None:
    intake.bring(REPORT)
    intake.bring(REPORT)
    intake.look()
    intake.bring(REPORT)
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 1


def test_nobody_takes_the_place_of_a_report_by_inventing_it_before(intake: Intake) -> None:
    intake.bring(dmarc_mail(row("192.0.2.66", 1, passes=True)))
    intake.bring(REPORT, proved="receiver.example")
    intake.look()
    assert [record["senderDomain"] for record in intake.office.records("DmarcReport")] == ["", "receiver.example"]


@pytest.mark.parametrize("to", ["POSTMASTER+x@example.org", "postmaster@other.example", "postmaster"])
def test_what_stands_before_the_at_is_enough(intake: Intake, to: str) -> None:
    intake.bring(REPORT, to=to)
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 1


def test_reports_about_others_to_others_or_in_junk_are_not_kept(intake: Intake) -> None:
    intake.bring(dmarc_mail(row("192.0.2.1", 1, passes=True), domain="other.example"))
    intake.bring(REPORT, to="alice@example.org")
    intake.bring(REPORT, to="tls@other.example")
    intake.bring(REPORT, is_junk=True)
    intake.look()
    assert intake.office.records("DmarcReport") == []


def test_a_bomb_is_left_alone_and_the_next_report_read(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    packed = base64.encodebytes(pack(bytes(26 * 1024 * 1024)))
    head, _, _ = REPORT.partition(b"Content-Type: multipart")
    bomb = head + b"Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n" + packed
    intake.bring(bomb)
    intake.bring(REPORT)
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 1
    assert "too large when it is unpacked" in str([vars(record) for record in caplog.records])


def test_what_waits_is_bounded(intake: Intake) -> None:
    for number in range(250):
        intake.bring(dmarc_mail(row("192.0.2.1", 1, passes=True), id=f"r{number}"))
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 200


def test_many_rows_are_cut_and_their_messages_counted(intake: Intake) -> None:
    rows = [row(f"10.0.{n // 250}.{n % 250}", 1, passes=n != 0) for n in range(1000)]
    intake.bring(dmarc_mail(*rows))
    intake.look()
    (record,) = intake.office.records("DmarcReport")
    assert (record["messages"], record["passed"]) == (1000, 999)
    assert (len(record["sources"]), record["sourcesOmitted"]) == (300, 700)
    assert record["sources"][0]["address"] == "10.0.0.0"


def test_old_reports_are_forgotten_where_that_is_asked_for(intake: Intake) -> None:
    intake.bring(REPORT)
    intake.look()
    intake.office.clock.forward(seconds=10 * _DAY)
    intake.bring(dmarc_mail(row("192.0.2.1", 1, passes=True), id="new"))
    intake.look()
    assert len(intake.office.records("DmarcReport")) == 2
    intake.look(keep_days=9)
    assert [record["reportId"] for record in intake.office.records("DmarcReport")] == ["new"]


def test_reports_can_be_searched_and_destroyed_but_not_written(intake: Intake) -> None:
    intake.bring(REPORT)
    intake.bring(dmarc_mail(row("192.0.2.1", 1, passes=True), id="good"))
    intake.look()
    office = intake.office
    (failing,) = office.call("DmarcReport/query", filter={"hasFailures": True})["ids"]
    assert office.get("DmarcReport", failing)["reportId"] == "r1"
    assert office.call("DmarcReport/query", filter={"domain": "other.example"})["ids"] == []
    with pytest.raises(Fault):
        office.create("DmarcReport")
    with pytest.raises(Fault):
        office.update("DmarcReport", failing, {"messages": 1})
    office.destroy("DmarcReport", failing)
    assert len(office.records("DmarcReport")) == 1


def test_a_round_writes_to_the_directory_once(intake: Intake) -> None:
    for number in range(40):
        intake.bring(dmarc_mail(row("192.0.2.1", 1, passes=True), id=f"r{number}"))
    before = intake.office.store.read(lambda view: view.modseqs([DIRECTORY])[DIRECTORY])
    intake.look()
    assert intake.office.store.read(lambda view: view.modseqs([DIRECTORY])[DIRECTORY]) == before + 1
