"""The sample mail: what the demo promises about it, with the standard library's parser as the oracle."""

import email.errors
import email.message
import email.policy
import re
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser  # noqa: TID251 - an oracle for messages of our own
from email.utils import parsedate_to_datetime
from importlib.resources import files

import pytest

from pillarbox.app.demo.sample import SampleMessage, moment, sample_messages

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)  # shortly after midnight, and after a short month
USERS = ["alice", "bob", "carol"]
ODD = {"<scan-0042@example.org>": {"CloseBoundaryNotFoundDefect"}}  # the scanner never ends its last part
ROLES = {"inbox", "sent", "drafts", "archive", "junk", "trash"}
RESERVED = re.compile(rb"@(?:[\w-]+\.)*(?:example\.(?:org|com|net)|example|test)\b", re.IGNORECASE)


def parse(message: SampleMessage) -> email.message.EmailMessage:
    parsed = BytesParser(policy=email.policy.default).parsebytes(message.data)
    assert isinstance(parsed, email.message.EmailMessage)
    return parsed


def mail(user: str) -> list[tuple[SampleMessage, email.message.EmailMessage]]:
    return [(message, parse(message)) for message in sample_messages(user, NOW)]


MAIL = {user: mail(user) for user in USERS}
EVERY = [pair for user in USERS for pair in MAIL[user]]


@pytest.mark.parametrize("user", USERS)
def test_a_user_has_mail_in_all_roles_and_in_mailboxes_of_their_own(user: str) -> None:
    mailboxes = {message.mailbox for message, _ in MAIL[user]}
    assert 45 <= len(MAIL[user]) <= 75
    assert mailboxes >= ROLES
    assert all(name[0].isupper() for name in mailboxes - ROLES)
    assert len(mailboxes - ROLES) >= 2


def test_every_message_parses_without_defects_but_the_odd_ones() -> None:
    for message, parsed in EVERY:
        defects = {type(defect).__name__ for part in parsed.walk() for defect in part.defects}
        defects |= {type(defect).__name__ for value in parsed.values() for defect in value.defects}
        assert defects == ODD.get(parsed["Message-ID"], set()), (parsed["Message-ID"], message.mailbox)


def test_every_text_decodes_in_its_charset() -> None:
    for _, parsed in EVERY:
        for part in parsed.walk():
            if part.get_content_maintype() == "text":
                assert "\ufffd" not in part.get_content(), parsed["Message-ID"]
        assert parsed["From"].addresses
        assert "\ufffd" not in f"{parsed['Subject']}{parsed['From']}"


def test_times_are_in_the_past_and_agree_with_the_date_field() -> None:
    for message, parsed in EVERY:
        assert message.received_at <= NOW
        assert parsedate_to_datetime(parsed["Date"]) == message.received_at
    for user in USERS:
        times = [message.received_at for message, _ in MAIL[user]]
        assert times == sorted(times)
        assert times[-1] > NOW - timedelta(hours=1)


def test_no_placeholder_is_left_and_lines_end_with_crlf() -> None:
    for message, _ in EVERY:
        assert not re.search(rb"\{(?:date|utc|day|long)|X-Sample", message.data)
        assert message.data.count(b"\n") == message.data.count(b"\r\n")
        assert max(map(len, message.data.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("user", USERS)
def test_message_ids_are_unique_for_a_user(user: str) -> None:
    ids = [parsed["Message-ID"] for _, parsed in MAIL[user]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("user", USERS)
def test_threads_hang_together(user: str) -> None:
    found = {parsed["Message-ID"]: (message, parsed) for message, parsed in MAIL[user]}
    replies = [(message, parsed) for message, parsed in MAIL[user] if parsed["In-Reply-To"]]
    assert len(replies) >= 20
    for message, parsed in replies:
        parent, origin = found[parsed["In-Reply-To"].strip()]
        assert parent.received_at < message.received_at
        references = parsed["References"].split()
        assert references[-1] == origin["Message-ID"]
        assert references[:-1] == (origin["References"] or "").split()


def test_what_one_sent_another_received() -> None:
    for user in USERS:
        for message, parsed in MAIL[user]:
            if message.mailbox != "sent":
                continue
            assert parsed["From"].addresses[0].addr_spec == f"{user}@example.org"
            to = [
                address.addr_spec
                for name in ("To", "Cc")
                for address in (parsed[name].addresses if parsed[name] else ())
            ]
            for other in USERS:
                copies = [copy for copy, theirs in MAIL[other] if theirs["Message-ID"] == parsed["Message-ID"]]
                if f"{other}@example.org" in to:
                    assert [copy.data for copy in copies] == [message.data]
                    assert copies[0].mailbox != "sent"


def test_drafts_and_junk_have_their_keywords() -> None:
    for message, _ in EVERY:
        assert ("$draft" in message.keywords) == (message.mailbox == "drafts")
        assert ("$junk" in message.keywords) == (message.mailbox == "junk")


@pytest.mark.parametrize("user", USERS)
def test_the_inbox_mixes_unread_flagged_and_answered_mail(user: str) -> None:
    inbox = [message.keywords for message, _ in MAIL[user] if message.mailbox == "inbox"]
    assert 4 <= sum("$seen" not in keywords for keywords in inbox) <= len(inbox) / 2
    assert any("$flagged" in keywords for keywords in inbox)
    assert any("$answered" in keywords for keywords in inbox)


def test_the_mail_shows_what_clients_must_cope_with() -> None:
    types = {part.get_content_type() for _, parsed in EVERY for part in parsed.walk()}
    assert types >= {
        "multipart/mixed", "multipart/alternative", "multipart/related", "multipart/report", "message/delivery-status",
        "text/html", "text/calendar", "text/csv", "text/vcard", "image/png", "application/pdf", "application/zip",
    }  # fmt: skip
    charsets = {part.get_content_charset() for _, parsed in EVERY for part in parsed.walk()}
    assert charsets >= {"iso-2022-jp", "gb18030", "koi8-r", "iso-8859-7", "iso-8859-1", "utf-8"}
    encodings = {str(part["Content-Transfer-Encoding"]) for _, parsed in EVERY for part in parsed.walk()}
    assert encodings >= {"7bit", "8bit", "quoted-printable", "base64"}
    assert any(part.get_param("format") == "flowed" for _, parsed in EVERY for part in parsed.walk())
    assert any(parsed["List-ID"] and parsed["List-Unsubscribe"] and parsed["DKIM-Signature"] for _, parsed in EVERY)


def test_attachments_are_what_they_say() -> None:
    starts = {"application/pdf": b"%PDF-1.4", "image/png": b"\x89PNG\r\n\x1a\n", "application/zip": b"PK\x03\x04"}
    for _, parsed in EVERY:
        for part in parsed.walk():
            if part.get_content_type() in starts:
                assert part.get_content().startswith(starts[part.get_content_type()])
                assert part.get_filename()


def test_inline_images_are_those_that_the_html_names() -> None:
    related = [parsed for _, parsed in EVERY if parsed.get_content_type() == "multipart/related"]
    assert related
    for parsed in related:
        ids = {part["Content-ID"].strip("<> ") for part in parsed.walk() if part["Content-ID"]}
        html = "".join(part.get_content() for part in parsed.walk() if part.get_content_type() == "text/html")
        assert set(re.findall(r"cid:([^\"]+)", html)) == ids


def test_invitations_are_in_the_future_and_agree_with_their_method() -> None:
    parts = [part for _, parsed in EVERY for part in parsed.walk() if part.get_content_type() == "text/calendar"]
    assert {part.get_param("method") for part in parts} == {"REQUEST", "REPLY"}
    for part in parts:
        lines = part.get_content().splitlines()
        assert f"METHOD:{part.get_param('method')}" in lines
        start, end = (next(line for line in lines if line.startswith(name)) for name in ("DTSTART:", "DTEND:"))
        moments = [datetime.strptime(line[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for line in (start, end)]
        assert NOW < moments[0] < moments[1]
        assert all(len(line.encode()) <= 75 for line in lines)


def test_all_names_are_reserved_ones() -> None:
    for _, parsed in EVERY:
        for name in ("From", "To", "Cc", "Sender"):
            for address in parsed[name].addresses if parsed[name] and name != "Sender" else ():
                assert RESERVED.fullmatch(b"@" + address.domain.encode()), address
        for domain in re.findall(r"https?://([\w.-]+)", parsed.as_string()):
            assert RESERVED.fullmatch(b"@" + domain.encode()), domain


def test_the_files_are_small() -> None:
    folder = files("pillarbox.app.demo").joinpath("mail")
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) < 400_000


def test_an_unknown_user_has_no_mail() -> None:
    assert list(sample_messages("mallory", NOW)) == []


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("-35m", datetime(2026, 2, 28, 23, 55, tzinfo=UTC)),
        ("-1d2h", datetime(2026, 2, 27, 22, 30, tzinfo=UTC)),
        ("+3d@09:15", datetime(2026, 3, 4, 9, 15, tzinfo=UTC)),
    ],
)
def test_offsets_are_counted_from_now(offset: str, expected: datetime) -> None:
    assert moment(offset, NOW) == expected


@pytest.mark.parametrize("offset", ["", "3d", "-3w", "-1d@9"])
def test_what_is_no_offset_is_refused(offset: str) -> None:
    with pytest.raises(ValueError, match="no offset"):
        moment(offset, NOW)
