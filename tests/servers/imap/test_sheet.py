"""What is remembered of headers is what stands in them, for whoever asks whenever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pillarbox.core.shelf import Shelves
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.servers.imap import sheet as module
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.sheet import Sheet, Sheets
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import deliver_to, message


def inbox(view: Any) -> str:
    found = id_of_role(view, "alice", "inbox")
    assert found is not None
    return found


def sheet_of(view: Snapshot, sheets: Sheets, names: Iterable[str] = ("subject",)) -> Sheet:
    box = inbox(view)
    return sheets.of(view, "alice", box, Images().now(view, "alice", box), names)


def uids(sheet: Sheet, name: str, needle: bytes) -> list[int]:
    return [sheet.uids[row] for row in sheet.texts[name].rows(needle)]


def remove(store: Store, *which: int) -> None:
    def body(tx: Any) -> None:
        box = inbox(tx)
        ids = [row.item for row in tx.memberships_of("alice", box, which)]
        set_deleted(tx, "alice", box, ids, on=True)
        expunge(tx, "alice", box, ids)

    store.write(body)


def test_a_sheet_grows_by_what_has_come(store: Store) -> None:
    sheets = Sheets()
    assert list(store.read(lambda view: sheet_of(view, sheets)).uids) == []
    deliver_to(store, "alice", *(message(n) for n in range(1, 4)))
    first = store.read(lambda view: sheet_of(view, sheets))
    assert uids(first, "subject", b"MESSAGE 2") == [2]
    assert store.read(lambda view: sheet_of(view, sheets)) is first
    deliver_to(store, "alice", message(4))
    grown = store.read(lambda view: sheet_of(view, sheets))
    assert uids(grown, "subject", b"MESSAGE") == [1, 2, 3, 4]
    assert uids(first, "subject", b"MESSAGE") == [1, 2, 3]


def test_a_column_that_is_asked_for_later_has_the_same_rows(store: Store) -> None:
    sheets = Sheets()
    deliver_to(store, "alice", *(message(n) for n in range(1, 5)))
    store.read(lambda view: sheet_of(view, sheets))
    remove(store, 2)
    deliver_to(store, "alice", message(5))
    sheet = store.read(lambda view: sheet_of(view, sheets, ("message-id", "SUBJECT")))
    assert list(sheet.uids) == [1, 2, 3, 4, 5]  # what is gone keeps its row
    assert uids(sheet, "message-id", b"@SENDER") == [1, 3, 4, 5]
    assert list(sheet.values["SUBJECT"]) == ["MESSAGE 1", "", "MESSAGE 3", "MESSAGE 4", "MESSAGE 5"]
    assert uids(sheet, "subject", b"MESSAGE") == [1, 2, 3, 4, 5]


def test_a_sheet_of_nothing_but_what_is_gone_is_made_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MANY_GONE", 1)
    sheets = Sheets()
    deliver_to(store, "alice", *(message(n) for n in range(1, 7)))
    store.read(lambda view: sheet_of(view, sheets))
    remove(store, 1, 2, 3, 4, 5)
    assert list(store.read(lambda view: sheet_of(view, sheets)).uids) == [6]


def test_a_view_of_before_is_not_shown_too_little_nor_spoils_what_others_see(store: Store) -> None:
    sheets = Sheets()
    deliver_to(store, "alice", message(1))

    def old(view: Snapshot) -> None:
        image = Images().now(view, "alice", inbox(view))
        deliver_to(store, "alice", message(2), message(3))
        store.read(lambda new: sheet_of(new, sheets))
        sheet = sheets.of(view, "alice", inbox(view), image, ("message-id",))
        assert uids(sheet, "message-id", b"@SENDER") == [1]

    store.read(old)
    sheet = store.read(lambda view: sheet_of(view, sheets, ("message-id",)))
    assert uids(sheet, "message-id", b"@SENDER") == [1, 2, 3]


def test_only_so_much_is_remembered(store: Store) -> None:
    sheets = Sheets(Shelves(3_000))
    deliver_to(store, "alice", message(1))
    known = store.read(lambda view: sheet_of(view, sheets))
    assert store.read(lambda view: sheet_of(view, sheets)) is known
    deliver_to(store, "alice", *(message(n) for n in range(2, 20)))
    large = store.read(lambda view: sheet_of(view, sheets))
    assert large.weight > 3_000
    assert store.read(lambda view: sheet_of(view, sheets)) is not large
    assert len(large.uids) == 19


def test_many_headers_are_not_read_on_the_event_loop(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUICK", 3)
    deliver_to(store, "alice", *(message(n) for n in range(1, 5)))

    def hurried(view: Snapshot) -> None:
        view.hurried = True
        with pytest.raises(BudgetExceeded):
            sheet_of(view, Sheets())

    store.read(hurried)


def test_a_piece_is_found_once_a_message_and_in_no_two_of_them(store: Store) -> None:
    sheets = Sheets()
    deliver_to(
        store, "alice", message(1, Subject="aa aa aa"), message(2, Subject="a"), message(3, Subject=""), b"X: y\r\n\r\n"
    )
    sheet = store.read(lambda view: sheet_of(view, sheets))
    assert uids(sheet, "subject", b"AA") == [1]
    assert uids(sheet, "subject", b"A") == [1, 2]
    assert uids(sheet, "subject", b"AA A") == [1]
    assert uids(sheet, "subject", b"") == [1, 2, 3]  # an empty subject is there
