"""A key, the DNS that publishes it as a table, and messages signed by it with any terms whatever."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.formats.mailauth.body_digest import BodyDigests
from pillarbox.formats.mailauth.dkim import read_signatures, verify_signatures
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.message_field import MessageField, read_header, select
from pillarbox.formats.mailauth.signing_key import SigningKey
from pillarbox.formats.mailauth.verdict import Verdict

DATA = Path(__file__).parents[2] / "data" / "mailauth"
NOW = 1_700_000_000
PLAIN = (
    b"From: Ada <ada@example.org>\r\nTo: bob@example.com\r\nSubject: Hello\r\n"
    b"Date: Fri, 15 Jan 2027 08:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHi  there, \r\n\r\nAda\r\n"
)
# The key of RFC 8032 §7.1, test 1: the same in each process that collects tests.
PRIVATE = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
KEY = KeyAtSelector("example.org", "one", SigningKey(PRIVATE))
RECORDS = {"one._domainkey.example.org": KEY.key.record()}


class Zone:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, records: Mapping[str, str | Answer]) -> None:
        self.records = records
        self.asked: list[str] = []

    def __call__(self, question: Question) -> Answer:
        assert question.type == "TXT"
        self.asked.append(question.name)
        found = self.records.get(question.name)
        if found is None:
            return Answer(Status.NO_NAME)
        return found if isinstance(found, Answer) else Answer(Status.FOUND, (found.encode(),))


def verify(message: bytes, records: Mapping[str, str | Answer] = RECORDS, now: int = NOW) -> tuple[Verdict, ...]:
    """The verdicts about a message."""
    return drive(verify_signatures(read_signatures(message), now), Zone(records))


def told(message: bytes, records: Mapping[str, str | Answer] = RECORDS, now: int = NOW) -> tuple[str, str | None]:
    """Result and reason of the only verdict."""
    (verdict,) = verify(message, records, now)
    return verdict.result, verdict.reason


def signed(message: bytes = PLAIN) -> bytes:
    """The message with one good signature."""
    return sign(message, [KEY], NOW) + message


def signed_with(message: bytes = PLAIN, /, **tags: str | None) -> bytes:
    """The message with a signature that says what is given and is right in all else; None leaves a tag out.

    What is signed is worked out here and not by the code under test, so that it can be as odd as a sender likes.
    """
    terms: dict[str, str | None] = {
        "v": "1",
        "a": "ed25519-sha256",
        "c": "simple/simple",
        "d": "example.org",
        "s": "one",
        "h": "from:to:subject",
        "bh": None,
        "b": "",
        **tags,
    }
    header = read_header(message)
    is_relaxed_header, _, body_form = (terms["c"] or "simple/simple").partition("/")
    length = terms.get("l") or ""
    limit = int(length) if length.isdigit() else None
    if "bh" not in tags:
        digests = BodyDigests([(body_form == "relaxed", limit)])
        digests.read([message[header.body_start :]])
        digest = digests.digest(is_relaxed=body_form == "relaxed", limit=limit)
        terms["bh"] = base64.b64encode(digest).decode()
    value = " " + "; ".join(f"{tag}={text}" for tag, text in terms.items() if text is not None)
    field = MessageField("dkim-signature", f"DKIM-Signature:{value}".encode(), value.encode())
    hashed = hashlib.sha256()
    for each in select(header.fields, (terms["h"] or "").lower().replace(" ", "").split(":")):
        hashed.update(each.canonical(is_relaxed=is_relaxed_header == "relaxed") + b"\r\n")
    hashed.update(field.canonical(is_relaxed=is_relaxed_header == "relaxed"))
    b = base64.b64encode(KEY.key.sign(hashed.digest()))
    return field.raw.replace(b"; b=", b"; b=" + b) + b"\r\n" + message
