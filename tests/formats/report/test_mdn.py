import email
import email.policy
from datetime import UTC, datetime

import msgspec
import pytest

from pillarbox.formats.message import EmailAddress
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.mdn import Disposition, Mdn, mdn_to_bytes, parse_mdn

HEADING = Heading(
    EmailAddress("Jürgen", "j@example.org"),
    EmailAddress(None, "s@example.com"),
    datetime(2026, 1, 5, 12, 0, tzinfo=UTC),
    "r1@example.org",
)
DISPLAYED = Disposition("manual-action", "mdn-sent-manually", "displayed")
FULL = Mdn(
    disposition=Disposition("automatic-action", "mdn-sent-automatically", "processed"),
    subject="Lesebestätigung",
    text_body="Gelesen: ja.\n",
    include_original_message=True,
    reporting_ua="joes-pc.cs.example.com; Foomail 97.1",
    mdn_gateway="smtp; gate.example.org",
    original_recipient="rfc822; list@example.org",
    final_recipient="rfc822; j@example.org",
    original_message_id="<199509192301.23456@example.org>",
    error=["first", "second"],
    extension_fields={"X-Colour": "blue"},
)
ORIGINAL = b"Subject: hi\r\n\r\ntext\r\n"


def test_a_receipt_with_everything_comes_back() -> None:
    assert parse_mdn(mdn_to_bytes(FULL, HEADING, lambda: "b", ORIGINAL)) == FULL


def test_a_receipt_is_the_report_that_the_rfc_describes() -> None:
    octets = mdn_to_bytes(FULL, HEADING, lambda: "b", ORIGINAL)
    parsed = email.message_from_bytes(octets, policy=email.policy.default)  # noqa: TID251
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "disposition-notification"
    assert [part.get_content_type() for part in parsed.walk()][1:] == [
        "text/plain",
        "message/disposition-notification",
        "text/plain",
        "message/rfc822",
        "text/plain",
    ]
    assert parsed["References"] == "<199509192301.23456@example.org>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert b"\r\nDisposition: automatic-action/MDN-sent-automatically; processed/error\r\n" in octets


def test_a_receipt_says_no_more_than_it_was_told() -> None:
    octets = mdn_to_bytes(Mdn(disposition=DISPLAYED, final_recipient="j@example.org"), HEADING, lambda: "b", ORIGINAL)
    assert b"message/rfc822" not in octets
    assert b"Reporting-UA" not in octets
    assert b"Auto-Submitted" not in octets
    assert b"\r\nFinal-Recipient: rfc822; j@example.org\r\nDisposition: " in octets


def test_field_names_and_values_of_a_client_cannot_add_fields() -> None:
    evil = {"Disposition": "x", "A b": "x", "X-A": "1\r\nFinal-Recipient: rfc822; evil@example.org\r\n\r\nX: y"}
    octets = mdn_to_bytes(Mdn(disposition=DISPLAYED, extension_fields=evil), HEADING, lambda: "b")
    mdn = parse_mdn(octets)
    assert mdn is not None
    assert mdn.final_recipient is None
    assert list(mdn.extension_fields or {}) == ["X-A"]


def test_an_internationalized_recipient_makes_an_internationalized_report() -> None:
    octets = mdn_to_bytes(Mdn(disposition=DISPLAYED, final_recipient="jiří@example.org"), HEADING, lambda: "b")
    assert b"message/global-disposition-notification" in octets
    mdn = parse_mdn(octets)
    assert mdn is not None
    assert mdn.final_recipient == "utf-8; jiří@example.org"


@pytest.mark.parametrize("disposition", [("x", "mdn-sent-manually", "displayed"), ("manual-action", "x", "displayed")])
def test_a_disposition_that_is_none_is_refused(disposition: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="no disposition"):
        mdn_to_bytes(Mdn(disposition=Disposition(*disposition)), HEADING, lambda: "b")


def foreign(fields: bytes) -> bytes:
    return (
        b"Subject: =?utf-8?q?Read=3A?= x\nContent-Type: multipart/report; boundary=b\n\n"
        b"--b\n\nIt was read.\n--b\nContent-Type: message/disposition-notification\n\n" + fields + b"\n--b--\n"
    )


def test_foreign_receipts_are_read_with_their_oddities() -> None:
    mdn = parse_mdn(
        foreign(
            b"no field\nReporting-UA: a\n b\nDISPOSITION: Manual-Action / MDN-Sent-Manually ;\n Displayed/Warning\n\n"
            b"Final-Recipient: rfc822;x@example.org\n"
        )
    )
    assert mdn is not None
    assert mdn.disposition == DISPLAYED
    assert (mdn.reporting_ua, mdn.final_recipient) == ("a b", "rfc822;x@example.org")
    assert (mdn.subject, mdn.text_body) == ("Read: x", "It was read.")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0\xff",
        b"Subject: no report\r\n\r\nhello",
        foreign(b""),
        foreign(b"Disposition: manual-action/mdn-sent-manually; denied"),
        foreign(b"Disposition: displayed"),
        foreign(b"Final-Recipient: rfc822; x@example.org"),
    ],
)
def test_what_is_no_receipt_is_none(octets: bytes) -> None:
    assert parse_mdn(octets) is None


def test_properties_are_spelled_as_jmap_spells_them() -> None:
    names = set(msgspec.json.decode(msgspec.json.encode(FULL)))
    assert names == set(
        "forEmailId subject textBody includeOriginalMessage reportingUA disposition mdnGateway originalRecipient "
        "finalRecipient originalMessageId error extensionFields".split()
    )
    assert set(msgspec.json.decode(msgspec.json.encode(DISPLAYED))) == {"actionMode", "sendingMode", "type"}
