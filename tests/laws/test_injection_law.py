"""No word of a person or of another server begins a header field, ends a header, or is a command, wherever it goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pillarbox.datatypes.envelope import Address
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.received_spf import received_spf_to_bytes
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Addresses, Draft, DraftField, DraftPart, MessageIds, Raw, Text, Urls
from pillarbox.formats.message.list_header import ListHeading, list_fields
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.dsn import Dsn, DsnRecipient, dsn_to_bytes, parse_dsn
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.report_field import report_part
from pillarbox.formats.report.vacation import Answer, answer_to_bytes
from pillarbox.servers.smtp.change import changed_data
from pillarbox.servers.smtp.peer import TlsFacts
from pillarbox.servers.smtp.stage import AddField, Changes, SetField
from pillarbox.servers.smtp.trace import Trace, received
from pillarbox.services import bounce
from pillarbox.services.bounce import Told
from pillarbox.wire.smtp.reply import Reply, reply_to_bytes
from pillarbox.wire.smtp_client import command
from pillarbox.wire.smtp_client.capability import Capabilities
from pillarbox.wire.smtp_client.message import Parcel, Recipient, flaw

NOW = datetime(2026, 11, 28, tzinfo=UTC)
EVIL = [
    "x\r\nBcc: all@example.org",
    "x\nBcc: all@example.org",
    "x\rBcc: all@example.org",
    "\r\nBcc: all@example.org",
    "x\r\n\r\nBcc: all@example.org",
    "x\n\nBcc: all@example.org",
    "x\r\n Bcc: y\r\nBcc: all@example.org",
    "x\0\r\nBcc: y",
    "x\x0b\x0cBcc: y\x1c\nBcc: y",
    "x\x85Bcc: y\u2028Bcc: y\u2029Bcc: y",
    '"\r\nBcc: y',
    "<x>\r\nBcc: y",
    "(\r\nBcc: y",
    "=?utf-8?q?x=0D=0ABcc:_y?=",
    "=?utf-8?b?eA0KQmNjOiB5?=",
    "x" * 2_000 + "\r\nBcc: y",
]
ADDRESS = EmailAddress(None, "bob@example.org")
HEADING = Heading(EmailAddress("Mail", "postmaster@example.org"), ADDRESS, NOW, "1@example.org")
ORIGINAL = b"Message-ID: <1@example.org>\r\nSubject: x\r\n\r\nhello\r\n"


def _boundary() -> str:
    return "b0"


def _dsn(text: str) -> bytes:
    to = DsnRecipient(
        final_recipient=text,
        action="failed",
        status="5.1.1",
        original_recipient=text,
        remote_mta=text,
        diagnostic=text,
    )
    original = b"Message-ID: <" + text.encode() + b">\r\nX: " + text.encode() + b"\r\n\r\nhello\r\n"
    dsn = Dsn(reporting_mta="mx.example.org", recipients=(to,), envelope_id=text, received_from=text)
    return dsn_to_bytes(dsn, HEADING, original, _boundary)


def _notification(text: str) -> bytes:
    to = Address("bob@example.org", {"ORCPT": f"rfc822;{text}", "NOTIFY": "FAILURE"})
    told = [Told(to, "failed", f"550 5.1.1 {text}", text)]
    sender = Address("alice@example.org", {"ENVID": text, "RET": text})
    return bounce.notification(told, sender, ORIGINAL, "mx.example.org", now_ms=0, arrived_ms=0)


def _vacation(text: str) -> bytes:
    answer = Answer(
        sender=EmailAddress(text, "alice@example.org"),
        recipient=EmailAddress(text, "bob@example.org"),
        sent_at=NOW,
        message_id="1@example.org",
        subject=text,
        text=text,
        html=None,
        original_subject=text,
        original_id=(text,),
        references=(text,),
    )
    return answer_to_bytes(answer, _boundary)


def _reply_subject(text: str) -> bytes:
    answer = Answer(
        sender=EmailAddress(None, "alice@example.org"),
        recipient=EmailAddress(None, "bob@example.org"),
        sent_at=NOW,
        message_id="1@example.org",
        subject=None,
        text="x",
        html=None,
        original_subject=text,
        original_id=(),
        references=(),
    )
    return answer_to_bytes(answer, _boundary)


def _draft(text: str) -> bytes:
    fields = (
        DraftField("Subject", Text(text)),
        DraftField("From", Addresses((EmailAddress(text, "alice@example.org"),))),
        DraftField("References", MessageIds((text,))),
        DraftField("List-Post", Urls((f"mailto:{text}",))),
        DraftField("X-Raw", Raw(f" {text}")),
    )
    part = DraftPart(type="text/plain", content="hello", parameters=(("name", text),))
    return build_message(Draft(fields, part), _boundary)


def _list(text: str) -> bytes:
    heading = ListHeading("l.example.org", text, "l@example.org", "l-owner@example.org", is_open=True)
    return list_fields(heading) + b"\r\n"


def _received(text: str) -> bytes:
    trace = Trace(
        sender="a@example.org",
        recipients=("bob@example.org",),
        peer_name=text,
        peer_address="192.0.2.1",
        hostname="mx.example.org",
        protocol="ESMTP",
        id="x1",
        received_ms=0,
        host_name=text,
        tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256),
    )
    return received(trace) + b"\r\n"


def _results(text: str) -> bytes:
    verdict = Verdict("spf", "fail", text, (("smtp.mailfrom", text), ("smtp.helo", text)))
    found = SpfResult("fail", text, "mailfrom", problem=text)
    spf = received_spf_to_bytes(found, address="192.0.2.1", helo=text, mail_from=text, receiver="mx.example.org")
    return results_to_bytes("mx.example.org", [verdict]) + spf + b"\r\n"


def _hook(text: str) -> bytes:
    return changed_data(ORIGINAL, Changes(fields=(AddField("X-Spam", text, 0), SetField("Subject", text))))


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize(
    "write",
    [_dsn, _notification, _vacation, _reply_subject, _draft, _list, _received, _results, _hook],
    ids=lambda write: write.__name__,
)
def test_no_word_begins_a_header_field_or_ends_a_header(write: Callable[[str], bytes], text: str) -> None:
    plain, given = write("x"), write(text)
    assert flaw(given) is None  # no bare CR, LF, NUL that the next server might take for an end
    assert all(names <= known for names, known in zip(_names(given), _names(plain), strict=True))
    assert parse_dsn(given) is None or len(_report(given)) == len(_report(plain))


def _names(data: bytes) -> list[set[str]]:
    """The names of the header fields of the message and of its parts; how a part is encoded may differ."""
    encodings = {"content-transfer-encoding", "content-type"}
    return [{field.name.lower() for field in part.fields} - encodings for part in scan(data).parts()]


def _report(data: bytes) -> list[tuple[str, str]]:
    """The fields of a report."""
    found = report_part(data, scan(data), ("message/delivery-status", "message/global-delivery-status"))
    assert found is not None
    fields = [field for group in found[1] for field in group]
    assert not any(name.lower() == "bcc" for name, _ in fields)
    return fields


@pytest.mark.parametrize("text", EVIL)
def test_no_word_is_a_command(text: str) -> None:
    every = Capabilities(dict.fromkeys(("DSN", "SIZE", "8BITMIME", "SMTPUTF8", "DELIVERBY", "MT-PRIORITY"), ()))
    parcels = [
        Parcel(text, (), b"x"),
        Parcel("a@example.org", (), b"x", ret=text),
        Parcel("a@example.org", (), b"x", envelope_id=text),
        Parcel("a@example.org", (), b"x", deliver_by=text),
    ]
    recipients = [
        Recipient(text),
        Recipient("a@example.org", notify=text),
        Recipient("a@example.org", original=f"rfc822;{text}"),
        Recipient("a@example.org", original=f"{text};a@example.org"),
    ]
    lines: list[bytes] = []
    for parcel in parcels:
        try:
            lines.append(command.mail(parcel, every))
        except command.CommandError:
            continue
    for recipient in recipients:
        try:
            lines.append(command.rcpt(recipient, every))
        except command.CommandError:
            continue
    for line in lines:
        assert line.endswith(b"\r\n")
        assert not any(octet < 32 or octet == 127 for octet in line[:-2])
        assert line.count(b" ") <= 3


@pytest.mark.parametrize("text", EVIL)
def test_no_word_is_a_reply_of_its_own(text: str) -> None:
    octets = reply_to_bytes(Reply(550, f"5.7.1{text}"[:100], text))
    lines = octets.split(b"\r\n")
    assert lines.pop() == b""
    assert {line[:3] for line in lines} == {b"550"}
    assert [line[3:4] for line in lines] == [b"-"] * (len(lines) - 1) + [b" "]
    assert not any(octet < 32 or octet == 127 for line in lines for octet in line)
