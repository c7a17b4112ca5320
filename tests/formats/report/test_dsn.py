import email
import email.policy
from datetime import UTC, datetime

import pytest

from pillarbox.formats.message import EmailAddress
from pillarbox.formats.report.dsn import Dsn, DsnRecipient, dsn_to_bytes, parse_dsn
from pillarbox.formats.report.heading import Heading

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HEADING = Heading(
    EmailAddress("Mail Delivery", "postmaster@mx.example.org"),
    EmailAddress(None, "a@example.org"),
    NOON,
    "d1@mx.example.org",
)
ORIGINAL = b"From: a@example.org\r\nMessage-ID: <orig@example.org>\r\nSubject: secret plan\r\n\r\nthe body\r\n"
FAILED = DsnRecipient(
    final_recipient="b@example.net",
    original_recipient="list@example.net",
    action="failed",
    status="5.1.1",
    remote_mta="mx.example.net",
    diagnostic="550 5.1.1 No such user",
    last_attempt_at=NOON,
)
DELAYED = DsnRecipient(final_recipient="c@example.net", action="delayed", status="4.4.1", will_retry_until=NOON)
DSN = Dsn(
    reporting_mta="mx.example.org",
    recipients=(FAILED, DELAYED),
    envelope_id="e1",
    received_from="client.example.org",
    arrived_at=NOON,
)


def test_a_notification_comes_back() -> None:
    assert parse_dsn(dsn_to_bytes(DSN, HEADING, ORIGINAL, lambda: "b")) == DSN


def test_a_person_can_read_what_happened() -> None:
    parsed = email.message_from_bytes(dsn_to_bytes(DSN, HEADING, ORIGINAL, lambda: "b"), policy=email.policy.default)  # noqa: TID251
    text = next(parsed.iter_parts()).get_content()
    assert "could not be delivered" in text
    assert "b@example.net" in text
    assert "mx.example.net said: 550 5.1.1 No such user" in text
    assert "tried until Mon, 05 Jan 2026 12:00:00 +0000" in text
    assert parsed["Subject"] == "Your message could not be delivered"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["References"] == "<orig@example.org>"
    assert parsed.get_param("report-type") == "delivery-status"


def test_only_the_header_goes_back_unless_all_is_asked_for() -> None:
    brief = dsn_to_bytes(DSN, HEADING, ORIGINAL, lambda: "b")
    assert b"Content-Type: text/rfc822-headers" in brief
    assert b"secret plan" in brief
    assert b"the body" not in brief
    whole = dsn_to_bytes(DSN, HEADING, ORIGINAL, lambda: "b", whole_original=True)
    assert b"Content-Type: message/rfc822\r\n\r\n" + ORIGINAL in whole


def test_internationalized_addresses_make_an_internationalized_report() -> None:
    dsn = Dsn(
        reporting_mta="mx.example.org",
        recipients=(DsnRecipient(final_recipient="jiří@příklad.example", action="failed", status="5.1.1"),),
    )
    octets = dsn_to_bytes(dsn, HEADING, "Subject: ž\n\nx".encode(), lambda: "b")
    assert b"message/global-delivery-status" in octets
    assert b"message/global-headers" in octets
    assert octets.isascii()
    assert parse_dsn(octets) == dsn


@pytest.mark.parametrize("actions", [[], ["lost"], ["failed", "lost"]])
def test_a_notification_about_nothing_is_refused(actions: list[str]) -> None:
    recipients = tuple(DsnRecipient(final_recipient="b@x", action=action, status="5.0.0") for action in actions)
    with pytest.raises(ValueError, match="recipients"):
        dsn_to_bytes(Dsn(reporting_mta="mx", recipients=recipients), HEADING, ORIGINAL, lambda: "b")


def test_what_another_server_said_cannot_add_fields() -> None:
    evil = DsnRecipient(
        final_recipient="b@x\r\nAction: delivered",
        action="failed",
        status="5.0.0",
        diagnostic="no\r\n\r\nAction: relayed",
    )
    dsn = parse_dsn(dsn_to_bytes(Dsn(reporting_mta="mx", recipients=(evil,)), HEADING, ORIGINAL, lambda: "b"))
    assert dsn is not None
    assert [to.action for to in dsn.recipients] == ["failed"]


@pytest.mark.parametrize(
    "octets", [b"", b"Subject: x\r\n\r\ny", b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x"]
)
def test_what_is_no_notification_is_none(octets: bytes) -> None:
    assert parse_dsn(octets) is None


def test_a_foreign_notification_in_one_group_is_read() -> None:
    dsn = parse_dsn(
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns;mx.example\n"
        b"Final-Recipient: RFC822;b@x\nAction: Failed (permanently)\nStatus: 5.1.1 (bad mailbox)\n"
        b"Last-Attempt-Date: nonsense\n"
    )
    assert dsn == Dsn(
        reporting_mta="mx.example", recipients=(DsnRecipient(final_recipient="b@x", action="failed", status="5.1.1"),)
    )


def test_our_own_words_are_not_told_as_those_of_a_server() -> None:
    def said(remote: str | None) -> bytes:
        to = DsnRecipient(
            final_recipient="bob@two.test",
            action="failed",
            status="5.1.2",
            remote_mta=remote,
            diagnostic="550 5.1.2 no",
        )
        dsn = Dsn(reporting_mta="mx.example.org", recipients=(to,))
        heading = Heading(
            sender=EmailAddress("Mail", "postmaster@example.org"),
            recipient=EmailAddress(None, "alice@example.org"),
            sent_at=datetime(2026, 11, 28, tzinfo=UTC),
            message_id="m@example.org",
        )
        return dsn_to_bytes(dsn, heading, b"Subject: x\r\n\r\n", lambda: "b")

    assert b"In detail: 550 5.1.2 no" in said(None)
    assert b"mx.two.test said: 550 5.1.2 no" in said("mx.two.test")
