import pytest

from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.dsn import read_dsn
from pillarbox.formats.report.mdn import read_mdn
from pillarbox.formats.report.original import MAX_HEADER, asks_receipt, id_in_header, original_header, original_id
from tests.support.returned_mail import Told, notification, receipt


def enclosed(type: str, content: bytes, encoding: str = "7bit") -> bytes:
    head = f"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\nContent-Type: {type}\r\n"
    return f"{head}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("header", "id"),
    [
        (b"Message-ID: <1@x>\r\nSubject: a\r\n\r\n", "1@x"),
        (b"Subject: a\nmessage-id\t:\n <1@x> \n\nMessage-ID: <2@x>\n", "1@x"),
        (b"X: a\r\nMESSAGE-ID: <1@x>\r\nMessage-ID: <2@x>\r\n", "2@x"),
        (b"X: a\r\n Message-ID: <1@x>\r\n\r\n", None),  # a fold of X
        (b"X-Message-ID: <1@x>\r\n\r\n", None),
        (b"\r\nMessage-ID: <1@x>\r\n", None),  # the body
        (b"X: a\n\nMessage-ID: <1@x>\r\n", None),
        (b"Message-ID: 1@x\r\n\r\n", None),
        (b"Message-ID:", None),
        (b"Message-ID: <" + b"x" * 1_000 + b">\r\n\r\n", None),
        (b"", None),
    ],
)
def test_the_id_of_a_message_is_in_its_header(header: bytes, id: str | None) -> None:
    assert id_in_header(header) == id


@pytest.mark.parametrize(
    ("header", "asks"),
    [
        (b"Disposition-Notification-To: a@x\r\n\r\n", True),
        (b"X: y\nDISPOSITION-NOTIFICATION-TO : a@x\n\n", True),
        (b"X: y\r\n Disposition-Notification-To: a@x\r\n\r\n", False),
        (b"X: y\r\n\r\nDisposition-Notification-To: a@x\r\n", False),
    ],
)
def test_a_message_asks_for_receipts_in_its_header(header: bytes, asks: bool) -> None:
    assert asks_receipt(header) == asks


@pytest.mark.parametrize(
    ("type", "content", "encoding"),
    [
        ("message/rfc822", b"Message-ID: <1@x>\r\n\r\nbody", "7bit"),
        ("message/global", b"TWVzc2FnZS1JRDogPDFAeD4NCg0KYm9keQ==", "base64"),
        ("text/rfc822-headers", b"Message-ID: =3C1@x>\r\n", "quoted-printable"),
        ("message/global-headers", b"Message-ID: <1@x>\r\n", "8bit"),
        ("message/rfc822-headers", b"Message-ID: <1@x>\r\n", "7bit"),
    ],
)
def test_what_is_enclosed_is_known_by_its_id(type: str, content: bytes, encoding: str) -> None:
    data = enclosed(type, content, encoding)
    assert original_id(scan(data), data) == "1@x"
    assert original_header(scan(data), data).startswith(b"Message-ID: <1@x>\r\n")


def test_a_report_that_encloses_nothing_has_no_original() -> None:
    data = notification(None, Told("bob@two.test"))
    assert (original_id(scan(data), data), original_header(scan(data), data)) == (None, b"")


def test_only_the_beginning_of_a_large_original_is_read() -> None:
    data = enclosed("message/rfc822", b"X: " + b"y" * MAX_HEADER + b"\r\nMessage-ID: <1@x>\r\n\r\n" + b"z" * 1_000_000)
    assert original_id(scan(data), data) is None
    assert len(original_header(scan(data), data)) == MAX_HEADER


def test_of_a_report_without_end_the_beginning_is_read() -> None:
    many = [Told(f"bob{n}@two.test") for n in range(5_000)]
    data = notification("1@example.org", *many)
    found = read_dsn(data, scan(data))
    assert found is not None
    assert 100 < len(found.recipients) < 1_000
    long = receipt("1@example.org", "bob@two.test").replace(b"Reporting-UA", b"X: y\r\n" * 300 + b"Reporting-UA")
    assert read_mdn(long, scan(long)) is None
