"""An account goes in steps, none of which deletes many rows, and nothing of it stays."""

from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.storage import removal
from pillarbox.storage.removal import remove_step
from pillarbox.storage.unfinished import strays
from tests.support.copy import found_by, rows
from tests.support.history import WORDS, History
from tests.support.mail_house import House


def of(house: House, account: str) -> list[Any]:
    """The rows that name an account, but what the directory knows of it."""
    return [(table, row) for table, found in rows(house.store).items() for row in found if is_of(account, row)]


def is_of(account: str, row: Any) -> bool:
    return account in row and DIRECTORY not in row


def live(house: House) -> None:
    """Much of what an account can have."""
    History(house, 1).steps(60)
    house.add(account="a2")
    house.upload(b"pending")
    house.store.write(lambda tx: tx.db.run("INSERT INTO memo VALUES ('a1', 'k', 'n', 'v', 1)"))
    house.store.write(lambda tx: tx.db.run("INSERT INTO ticket VALUES ('a1', 'd', '', '', 1)"))
    house.store.write(lambda tx: tx.db.run("INSERT INTO floor (account, type, modseq) VALUES ('a1', 'Thread', 1)"))


def remove(house: House, account: str) -> bool:
    return house.store.write(lambda tx: remove_step(tx.db, account))


def test_nothing_of_the_account_stays_and_all_of_the_others_does(house: House) -> None:
    live(house)
    others = {table: [row for row in found if not is_of("a1", row)] for table, found in rows(house.store).items()}
    assert {table for table, _ in of(house, "a1")} >= {"record", "member", "lookup", "blob", "memo", "part"}
    while not remove(house, "a1"):
        pass
    assert of(house, "a1") == []
    assert {table: found for table, found in rows(house.store).items() if found} == {
        table: found for table, found in others.items() if found
    }
    assert not any(found_by(house.store, "a1", WORDS).values())
    assert house.store.read(lambda view: strays(view.db)) == set()


def test_a_step_deletes_few_rows_and_the_last_that_goes_is_the_account(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "_STEP", 3)
    monkeypatch.setattr(removal, "_STEP_OF_BLOBS", 2)
    live(house)
    left, steps, done = len(of(house, "a1")), 0, False
    while not done:
        assert house.store.read(lambda view: view.modseqs(["a1"])) != {"a1": 0}
        done = remove(house, "a1")
        before, left, steps = left, len(of(house, "a1")), steps + 1
        assert left < before
        assert before - left <= 3 + 2 * 14  # the whole step of one table, and the rest of others
    assert steps > 10
    assert left == 0


def test_a_small_account_goes_in_one_step(house: House) -> None:
    house.add()
    assert remove(house, "a1")
    assert of(house, "a1") == []
