"""What was destroyed long ago is forgotten in steps, and nobody is told less than happened."""

from typing import Any

import pytest

from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.registry import TYPES
from pillarbox.datatypes.thread import THREAD
from pillarbox.storage import purge
from tests.support.mail_house import House

DAY = 86_400
KINDS = [kind for kind in TYPES if not kind.directory]


def number_at(house: House, *, days_ago: float) -> int:
    at = house.clock.now_ms() - int(days_ago * DAY * 1000)
    return house.store.read(lambda view: purge.number_at(view.db, "a1", KINDS, at))


def forget(house: House, kind: DataType[Any], before: int, limit: int = purge.STEP) -> int:
    """Forget all there is; how many steps it took."""
    steps = 1
    while house.store.write(lambda tx: purge.step(tx.db, "a1", kind, before, limit)):
        steps += 1
    return steps


def is_due(house: House, kind: DataType[Any], before: int) -> bool:
    return house.store.read(lambda view: purge.due(view.db, "a1", kind, before))


def rows(house: House, sql: str) -> int:
    row = house.store.read(lambda view: view.db.row(sql, ("a1",)))
    assert row is not None
    return int(str(row[0]))


def gone(house: House) -> tuple[int, int]:
    """How many destroyed emails and ended memberships are remembered."""
    records = "SELECT COUNT(*) FROM record WHERE account = ? AND type = 'Email' AND destroyed = 1"
    return rows(house, records), rows(house, "SELECT COUNT(*) FROM member WHERE account = ? AND removed = 1")


def test_ids_tell_which_number_an_account_had_reached(house: House) -> None:
    assert number_at(house, days_ago=1) == 0
    house.clock.forward(seconds=DAY)
    first = house.add()
    made = int(house.state("Email"))
    house.clock.forward(seconds=10 * DAY)
    house.update("Email", first, {"keywords/$seen": True})  # makes nothing, so nobody knows when it was
    assert number_at(house, days_ago=5) == made
    assert number_at(house, days_ago=10.5) < made


def test_the_old_is_forgotten_and_the_recent_still_told(house: House) -> None:
    start = house.state("Email")
    old = [house.add() for _ in range(3)]
    for id in old[:2]:
        house.destroy("Email", id)
    house.clock.forward(seconds=DAY)
    kept = house.add()
    early = house.state("Email")
    house.clock.forward(seconds=100 * DAY)
    house.destroy("Email", old[2])
    before = number_at(house, days_ago=90)
    assert is_due(house, EMAIL, before)
    forget(house, EMAIL, before)
    assert gone(house) == (1, 1)
    assert not is_due(house, EMAIL, before)
    assert house.refuse("Email/changes", sinceState=start)["type"] == "cannotCalculateChanges"
    assert house.call("Email/changes", sinceState=early)["destroyed"] == [old[2]]
    assert house.query() == [kept]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_steps_of_any_size_forget_the_same(house: House, limit: int) -> None:
    ids = [house.add(None, "inbox", "archive") for _ in range(5)]
    house.call("Email/set", destroy=ids[:4])  # all at one number
    last = int(house.state("Email"))
    house.destroy("Email", ids[4])
    steps = forget(house, EMAIL, last, limit)
    assert steps >= 8 // limit
    assert gone(house) == (1, 2)
    assert not is_due(house, EMAIL, last)
    assert house.call("Email/changes", sinceState=str(last))["destroyed"] == [ids[4]]


def test_a_step_that_is_the_last_for_now_leaves_the_rest_to_be_found(house: House) -> None:
    """As when the server is killed between two steps."""
    ids = [house.add() for _ in range(4)]
    house.call("Email/set", destroy=ids)
    last = int(house.state("Email"))
    assert house.store.write(lambda tx: purge.step(tx.db, "a1", EMAIL, last, 3))
    assert is_due(house, EMAIL, last)
    forget(house, EMAIL, last)
    assert gone(house) == (0, 0)


def test_what_moved_is_forgotten_with_what_was_destroyed_under_one_floor(house: House) -> None:
    id = house.add(None, "inbox")
    house.update("Email", id, {"mailboxIds": {house.box["archive"]: True}})
    last = int(house.state("Email"))
    assert gone(house) == (0, 1)
    assert is_due(house, EMAIL, last)
    forget(house, EMAIL, last)
    assert gone(house) == (0, 0)
    assert house.store.read(lambda view: view.known_since("a1")) == last
    assert house.query(filter={"inMailbox": house.box["archive"]}) == [id]


@pytest.mark.parametrize("kind", [MAILBOX, EMAIL, THREAD], ids=lambda kind: kind.name)
def test_the_floor_never_runs_ahead_of_the_state(house: House, kind: DataType[Any]) -> None:
    box = house.create("Mailbox", name="gone")
    house.destroy("Email", house.add())
    house.destroy("Mailbox", box)
    state = house.state(kind.name)
    forget(house, kind, 10**6)
    assert house.state(kind.name) == state
    assert house.call(f"{kind.name}/changes", sinceState=state)["created"] == []


def test_what_has_nothing_to_forget_keeps_its_floor(house: House) -> None:
    house.add()
    assert not is_due(house, EMAIL, int(house.state("Email")))
    assert not is_due(house, MAILBOX, 10**6)
