"""Fixed parts of many records are found wherever these lie between others: the same on every engine."""

import random

import pytest

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.imap_part import NAME
from pillarbox.storage import part
from pillarbox.storage.transaction import Transaction
from tests.support.mail_house import House, message


def parts(house: House, ids: list[str]) -> dict[str, bytes]:
    return house.store.read(lambda view: view.parts(EMAIL, "a1", ids, NAME))


@pytest.fixture
def ids(house: House) -> list[str]:
    """Emails that came one after the other, each with a subject that tells it from all others."""
    found = [house.add(message(subject=f"number {n}.")) for n in range(100)]
    assert found == sorted(found)
    return found


def is_right(house: House, ids: list[str], wanted: list[str]) -> bool:
    found = parts(house, wanted)
    return found.keys() == set(wanted) and all(b"number %d." % ids.index(id) in found[id] for id in wanted)


def test_parts_of_a_run_are_found_and_nothing_between(house: House, ids: list[str]) -> None:
    assert is_right(house, ids, ids)
    assert is_right(house, ids, ids[10:60])
    assert is_right(house, ids, ids[:20] + ids[30:70])
    assert is_right(house, ids, ids[::2])


def test_parts_that_lie_far_apart_are_found(house: House, ids: list[str]) -> None:
    """So that fewer are read in passing than are asked for."""
    assert is_right(house, ids, ids[:3] + ids[-30:])
    assert is_right(house, ids, ids[:1] + ids[-40:])


def test_parts_are_found_in_any_order_and_twice_asked_for(house: House, ids: list[str]) -> None:
    mixed = random.Random(7).sample(ids, 60)
    assert is_right(house, ids, mixed)
    assert is_right(house, ids, ids[::-1])
    assert is_right(house, ids, [*ids, ids[-1]])


def test_what_has_no_part_is_left_out(house: House, ids: list[str]) -> None:
    unknown = [f"{id}x" for id in ids[:50]]
    wanted = sorted(ids + unknown)
    assert parts(house, wanted).keys() == set(ids)
    house.store.write(
        lambda tx: tx.db.run("DELETE FROM ordered_part WHERE account = ? AND id = ? AND name = ?", ("a1", ids[5], NAME))
    )
    assert parts(house, ids).keys() == set(ids) - {ids[5]}


def test_parts_that_are_made_anew_take_the_place_of_those_that_are_there(house: House, ids: list[str]) -> None:
    names = ("imap", "fields", "more-fields")

    def read() -> list[bytes | None]:
        return house.store.read(lambda view: [view.parts(EMAIL, "a1", [ids[2]], name).get(ids[2]) for name in names])

    def add(tx: Transaction) -> None:
        made = {name: name.encode() for name in names}
        part.add(tx.db, "a1", EMAIL.name, ids[2], made, EMAIL.ordered_parts, anew=True)

    house.store.write(lambda tx: tx.db.run("DELETE FROM ordered_part WHERE id = ? AND name = 'fields'", (ids[2],)))
    house.store.write(add)
    assert read() == [name.encode() for name in names]
    house.store.write(add)
    house.destroy("Email", ids[2])
    assert read() == [None, None, None]
    with house.store.snapshot() as view:
        for table in ("part", "ordered_part"):
            assert view.db.row(f"SELECT COUNT(*) FROM {table} WHERE id = ?", (ids[2],)) == (0,)  # noqa: S608
