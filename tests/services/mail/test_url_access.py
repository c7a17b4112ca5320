"""Rights that are lent by URLs (RFC 4467): whom they open what, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.view import Transaction
from pillarbox.services.directory import caller_for
from pillarbox.services.mail.url_access import Asker, Content, authorize, content_by_url, read_by_url, reset_keys
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.wire.imap.message_url import BadUrl
from tests.directory_fixture import SetClock
from tests.servers.imap.imap_server import change_account, deliver_to, fill, message

ALICE, BOB = Asker("alice@example.org"), Asker("bob@example.org")
AT = 1_793_600_000_000  # 2026-11-02


@pytest.fixture
def clock() -> SetClock:
    return SetClock(AT)


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path, clock=clock)
    fill(store)
    for account in ("alice", "bob", "carol", "dave"):
        deliver_to(store, account, message(1), message(2))
    yield store
    store.close()


def rump(access: str, *, box: str = "INBOX", more: str = "", owner: str = "alice") -> str:
    return f"imap://{owner}%40example.org@mx.example.org/{box}/;UID=1{more};URLAUTH={access}"


def signed(store: EmbeddedStore, *rumps: str, owner: str = "alice") -> list[str]:
    return store.write(lambda tx: authorize(tx, owner, rumps))


def read(store: EmbeddedStore, url: str, asker: Asker = ALICE) -> bytes | None:
    return store.read(lambda view: read_by_url(view, url, asker))


def test_a_message_and_its_part_are_read(store: EmbeddedStore) -> None:
    whole, part, cut = signed(
        store,
        rump("anonymous"),
        rump("anonymous", more="/;SECTION=TEXT"),
        rump("anonymous", more="/;SECTION=TEXT/;PARTIAL=8.4"),
    )
    assert read(store, whole) == message(1)
    assert read(store, part) == b"This is the text of number 1.\r\n"
    assert read(store, cut) == b"the "


PARTS = (
    b"From: Ann <ann@example.org>\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\npreamble\r\n"
    b"--a\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nol=C3=A9=\r\n\r\nend\r\n"
    b"--a\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\n\r\nQUJDAEQ=\r\n"
    b"--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk=\r\n"
    b"--a\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: x-odd\r\n\r\n?\r\n--a--\r\n"
)
_TEXT, _NILS = b'("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL', b" NIL NIL NIL NIL)"
_IMAGE = b'("IMAGE" "PNG" NIL "<i>" NIL'


@pytest.mark.parametrize(
    ("section", "items", "content"),
    [
        ("1", "BODY", Content(b"ol=C3=A9=\r\n\r\nend", None)),
        ("1", "BINARY", Content(b"ol\xc3\xa9\r\nend", None)),
        ("1", "BODYPARTSTRUCTURE", Content(None, _TEXT + b' "QUOTED-PRINTABLE" 16 2' + _NILS)),
        (
            "1",
            "BINARY BODYPARTSTRUCTURE",
            Content(b"ol\xc3\xa9\r\nend", _TEXT + b' "8BIT" 9 1' + _NILS),
        ),
        ("2", "BODY BODYPARTSTRUCTURE", Content(b"QUJDAEQ=", _IMAGE + b' "BASE64" 8' + _NILS)),
        ("2", "BINARY BODYPARTSTRUCTURE", Content(b"ABC\0D", _IMAGE + b' "BINARY" 5' + _NILS)),
        ("2/;PARTIAL=2.2", "BINARY", Content(b"C\0", None)),
        # Into the message inside, by its only part and by its text; its header is as it is.
        ("3.1", "BINARY BODYPARTSTRUCTURE", Content(b"Hi", _TEXT + b' "7BIT" 2 0' + _NILS)),
        ("3.TEXT", "BINARY BODYPARTSTRUCTURE", Content(b"Hi", _TEXT + b' "7BIT" 2 0' + _NILS)),
        ("3.HEADER.FIELDS%20(Subject)", "BINARY BODYPARTSTRUCTURE", Content(b"Subject: inner\r\n\r\n", None)),
        ("2.MIME", "BODYPARTSTRUCTURE", Content(None, None)),
        # What cannot be decoded is told as it is.
        (
            "4",
            "BINARY BODYPARTSTRUCTURE",
            Content(None, b'("TEXT" "HTML" NIL NIL NIL "X-ODD" 1 0' + _NILS),
        ),
        ("5", "BINARY BODYPARTSTRUCTURE", None),
        ("1.HEADER", "BODYPARTSTRUCTURE", None),
        ("1.HEADER.FIELDS%20(Subject)", "BODY", None),
    ],
)
def test_a_part_is_told_as_it_is_sent(store: EmbeddedStore, section: str, items: str, content: Content | None) -> None:
    deliver_to(store, "alice", PARTS)
    (url,) = signed(store, rump("anonymous", more=f"/;SECTION={section}").replace("UID=1", "UID=3"))
    assert told(store, url, items) == content


def told(store: EmbeddedStore, url: str, items: str, asker: Asker = ALICE) -> Content | None:
    return store.read(lambda view: content_by_url(view, url, asker, items.split(), is_utf8=False))


def test_the_structure_of_a_whole_message_or_a_multipart_is_that_of_all_its_parts(store: EmbeddedStore) -> None:
    outer = PARTS.replace(b"boundary=a", b"boundary=o").replace(b"--a", b"--o")
    inner = PARTS[PARTS.index(b"Content-Type: multipart") :]
    deliver_to(store, "alice", PARTS, outer.replace(b"preamble\r\n", b"preamble\r\n--o\r\n" + inner))
    whole, part = signed(
        store,
        rump("anonymous").replace("UID=1", "UID=3"),
        rump("anonymous", more="/;SECTION=1").replace("UID=1", "UID=4"),
    )
    found = [told(store, url, "BINARY BODYPARTSTRUCTURE") for url in (whole, part)]
    structures = [one.structure for one in found if one is not None and one.structure is not None]
    assert structures == [structures[0]] * 2
    assert structures[0].endswith(b' "MIXED" ("BOUNDARY" "a") NIL NIL NIL)')
    assert b'"QUOTED-PRINTABLE" 16 2' in structures[0]  # nothing was decoded of it
    assert found[0] == Content(PARTS, structures[0])


def test_the_structure_is_told_to_nobody_but_whom_the_url_is_for(store: EmbeddedStore) -> None:
    (url,) = signed(store, rump("user+bob%40example.org"))
    assert told(store, url, "BODYPARTSTRUCTURE", BOB) is not None
    assert told(store, url, "BODYPARTSTRUCTURE", ALICE) is None
    assert told(store, url[:-1], "BODY BODYPARTSTRUCTURE", BOB) is None


@pytest.mark.parametrize(
    ("access", "asker", "is_open"),
    [
        ("anonymous", Asker(""), True),
        ("authuser", BOB, True),
        ("user+bob%40example.org", BOB, True),
        ("user+BOB%40Example.ORG", BOB, True),
        ("user+bob%40example.org", ALICE, False),
        ("submit+bob%40example.org", BOB, False),
        ("submit+bob%40example.org", BOB._replace(is_submission=True), True),
        ("submit+bob%40example.org", ALICE._replace(is_submission=True), False),
        ("user+bob%40example.org", BOB._replace(is_submission=True), True),
        ("user+bob%40example.org", ALICE._replace(is_submission=True), False),
        ("authuser", BOB._replace(is_submission=True), True),
        ("authuser", Asker(""), False),
        ("user+bob%40example.org", Asker(""), False),
    ],
)
def test_a_url_opens_for_whom_it_is(store: EmbeddedStore, access: str, asker: Asker, *, is_open: bool) -> None:
    (url,) = signed(store, rump(access))
    assert (read(store, url, asker) == message(1)) is is_open


def damaged(url: str) -> Iterator[str]:
    head, _, token = url.rpartition(":")
    last = "1" if token.endswith("0") else "0"
    yield url[:-1] + last
    yield f"{head}:{token[:64]}"
    yield f"{head}:00{token[2:]}"
    yield url.replace("UID=1", "UID=2")
    yield url.replace("anonymous", "authuser")
    yield url.replace("INBOX", "inbox")
    yield url.replace("mx.example.org", "other.example.org")
    yield url.replace(":internal:", ":xother:")
    yield url.replace("imap://alice", "imap://bob")
    yield url.replace("imap://alice", "imap://nobody")
    yield url.replace("UID=1", "UID=1;EXPIRE=2099-01-01T00:00:00Z")
    yield head
    yield ""


def test_nothing_but_what_was_signed_is_opened(store: EmbeddedStore) -> None:
    (url,) = signed(store, rump("anonymous"))
    signed(store, rump("anonymous", owner="bob"), owner="bob")  # there is such a key as well
    assert read(store, url) is not None
    for other in damaged(url):
        assert other != url
        assert read(store, other) is None


def test_a_url_expires(store: EmbeddedStore, clock: SetClock) -> None:
    (url,) = signed(store, rump("anonymous", more=";EXPIRE=2026-12-24T18:00:00Z"))
    clock.now = 1_798_135_200_000 - 1
    assert read(store, url) == message(1)
    clock.now += 1
    assert read(store, url) is None
    with pytest.raises(BadUrl):
        signed(store, rump("anonymous", more=";EXPIRE=2026-12-24T18:00:00Z"))


@pytest.mark.parametrize(
    "text",
    [
        rump("anonymous", owner="bob"),
        rump("anonymous", owner="nobody"),
        rump("anonymous", box="Nowhere"),
        rump("anonymous", box="INBOX;UIDVALIDITY=4294967295"),
        rump("anonymous", box="Other%20Users/dave%40example.org/INBOX"),
        "imap://elsewhere",
    ],
)
def test_nobody_lends_what_they_have_not(store: EmbeddedStore, text: str) -> None:
    with pytest.raises(BadUrl):
        signed(store, rump("anonymous"), text)
    # None of them is signed, and no key is left behind.
    (url,) = signed(store, rump("anonymous"))
    assert read(store, url) is not None


def reset(store: EmbeddedStore, mailbox: str | None) -> None:
    def body(tx: Transaction) -> None:
        account = tx.get(ACCOUNT, "directory", "alice")
        assert account is not None
        accounts = list(caller_for(tx, account).accounts.values())
        reset_keys(tx, "alice", accounts, mailbox)

    store.write(body)


def test_what_was_lent_is_taken_back_by_mailbox_or_wholly(store: EmbeddedStore) -> None:
    theirs = "Other%20Users/bob%40example.org/INBOX"
    deliver_archive = partial(rump, "anonymous")
    one, other = signed(store, deliver_archive(), deliver_archive(box=theirs))
    (of_bob,) = signed(store, rump("anonymous", owner="bob"), owner="bob")
    reset(store, "INBOX")
    assert read(store, one) is None
    assert read(store, other) == message(1)
    (again,) = signed(store, rump("anonymous"))
    assert again != one
    reset(store, None)
    assert [read(store, url) for url in (one, other, again)] == [None, None, None]
    assert read(store, of_bob) is not None


Change = Callable[[Transaction], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda tx: change_account(tx, "bob", delegates={}),
        lambda tx: change_account(tx, "alice", is_enabled=False),
        lambda tx: change_account(tx, "bob", is_enabled=False),
    ],
)
def test_who_loses_a_right_has_lent_nothing(store: EmbeddedStore, change: Change) -> None:
    (url,) = signed(store, rump("anonymous", box="Other%20Users/bob%40example.org/INBOX"))
    assert read(store, url) is not None
    store.write(change)
    assert read(store, url) is None
