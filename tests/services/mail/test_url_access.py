"""Rights that are lent by URLs (RFC 4467): whom they open what, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.view import Transaction
from pillarbox.services.directory import caller_for
from pillarbox.services.mail.url_access import Asker, authorize, read_by_url, reset_keys
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
