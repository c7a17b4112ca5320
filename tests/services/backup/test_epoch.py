"""After a restore, clients know states from a time that is lost: all of them begin anew, and none is misled."""

from pathlib import Path

import pytest

from pillarbox.datatypes.registry import TYPES
from pillarbox.services.backup.run import back_up
from tests.support.copy import repository, restored
from tests.support.mail_house import House

CHANGED = [kind.name for kind in TYPES if "changes" in kind.methods and not kind.directory]
QUERIED = [kind.name for kind in TYPES if "queryChanges" in kind.methods and not kind.directory]


def live(house: House) -> None:
    """Something of every type, and of some types nothing."""
    email = house.add()
    house.update("Email", email, {"keywords/$seen": True})
    house.destroy("Email", house.add())
    house.create("Mailbox", name=f"New {house.clock.now_ms()}")


def at(house: House, folder: Path, place: Path) -> House:
    """The house on a store that was restored from its backups."""
    found = House.__new__(House)
    found.store = restored(repository(place), folder, clock=house.clock, new_epoch=True)
    found.clock, found.caller, found.box = house.clock, house.caller, house.box
    return found


@pytest.fixture
def again(house: House, tmp_path: Path) -> tuple[House, dict[str, list[str]]]:
    """A house after a restore, and every state by type that clients may hold, from before the backup and after it."""
    states: dict[str, list[str]] = {name: [] for name in CHANGED}

    def note() -> None:
        for name in CHANGED:
            states[name].append(house.state(name))

    note()
    live(house)
    note()
    back_up(house.store, repository(tmp_path / "backups"))
    for _ in range(3):
        live(house)
        note()
    return at(house, tmp_path / "again", tmp_path / "backups"), states


def test_no_state_from_before_the_restore_is_gone_on_from(again: tuple[House, dict[str, list[str]]]) -> None:
    house, states = again
    for turn in range(2):
        for name in CHANGED:
            for state in states[name]:
                answer = house.refuse(f"{name}/changes", sinceState=state)
                assert answer["type"] == "cannotCalculateChanges", (name, state, turn)
        for name in QUERIED:
            for state in states[name]:
                answer = house.refuse(f"{name}/queryChanges", sinceQueryState=state)
                assert answer["type"] == "cannotCalculateChanges", (name, state, turn)
        live(house)  # the numbers that were given out once must not come up again, either


def test_a_page_of_changes_from_the_lost_time_is_not_gone_on_from(again: tuple[House, dict[str, list[str]]]) -> None:
    house, states = again
    early, late = states["Email"][1], states["Email"][-1]
    answer = house.refuse("Email/changes", sinceState=f"{early}.{late}.e1")
    assert answer["type"] == "cannotCalculateChanges"


def test_a_client_that_began_anew_hears_what_changes(again: tuple[House, dict[str, list[str]]]) -> None:
    house, _ = again
    state, known = house.state("Email"), set(house.every("Email", "id"))
    query = house.call("Email/query")
    email = house.add()
    answer = house.call("Email/changes", sinceState=state)
    assert answer["created"] == [email]
    assert not answer["hasMoreChanges"]
    assert set(house.every("Email", "id")) == known | {email}
    answer = house.call("Email/queryChanges", sinceQueryState=query["queryState"])
    assert [added["id"] for added in answer["added"]] == [email]


def test_new_states_lie_ahead_of_all_that_were_given(again: tuple[House, dict[str, list[str]]]) -> None:
    house, states = again
    for name in CHANGED:
        assert int(house.state(name)) > max(map(int, states[name]))


def test_a_second_restore_of_the_same_backup_gives_no_state_of_the_first(
    again: tuple[House, dict[str, list[str]]], tmp_path: Path
) -> None:
    first, _ = again
    for _ in range(3):
        live(first)
    held = first.state("Email")
    first.clock.forward(seconds=1)
    second = at(first, tmp_path / "second", tmp_path / "backups")
    assert second.refuse("Email/changes", sinceState=held)["type"] == "cannotCalculateChanges"
    live(second)
    assert second.refuse("Email/changes", sinceState=held)["type"] == "cannotCalculateChanges"


def test_a_clock_that_was_set_back_still_moves_numbers_on(house: House, tmp_path: Path) -> None:
    back_up(house.store, repository(tmp_path / "backups"))
    first = at(house, tmp_path / "first", tmp_path / "backups")
    held = int(first.state("Email"))
    back_up(first.store, repository(tmp_path / "backups"))
    first.clock.forward(seconds=-86_400)
    second = at(first, tmp_path / "second", tmp_path / "backups")
    assert int(second.state("Email")) > held + 1_000_000_000


def test_every_account_begins_anew(again: tuple[House, dict[str, list[str]]]) -> None:
    house, _ = again
    with house.store.snapshot() as view:
        epochs = {str(id): epoch for id, epoch in view.db.rows("SELECT id, epoch FROM account")}
    assert all(epochs.values())
    assert set(epochs) == {"a1", "a2", "r1"}
