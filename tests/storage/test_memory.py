"""What is remembered of an account is what was read at the number that it has, and no more than there is room for."""

import random

from pillarbox.core.shelf import THING_OCTETS, Shelves
from pillarbox.storage.memory import Memory

ONE, OTHER = ("a1", "Email"), ("a1", "Thread")


def test_what_was_read_at_a_number_is_known_at_no_other() -> None:
    memory = Memory()
    memory.put_state(ONE, 5, 4)
    memory.put_bodies(ONE, 5, {"e1": b"one", "e2": b"two"})
    assert (memory.state(ONE, 5), memory.bodies(ONE, 5, ["e2", "e3"])) == (4, {"e2": b"two"})
    for number in (4, 6):
        assert (memory.state(ONE, number), memory.bodies(ONE, number, ["e1"])) == (None, {})
    assert memory.state(OTHER, 5) is None


def test_a_newer_number_takes_the_place_of_an_older_one() -> None:
    memory = Memory()
    memory.put_bodies(ONE, 5, {"e1": b"old", "e2": b"two"})
    memory.put_bodies(ONE, 6, {"e1": b"new"})
    assert memory.bodies(ONE, 6, ["e1", "e2"]) == {"e1": b"new"}
    assert memory.bodies(ONE, 5, ["e1", "e2"]) == {}


def test_what_an_old_snapshot_read_is_not_taken_for_new() -> None:
    memory = Memory()
    memory.put_state(ONE, 6, 6)
    memory.put_bodies(ONE, 5, {"e1": b"old"})
    memory.put_state(ONE, 5, 5)
    assert (memory.bodies(ONE, 5, ["e1"]), memory.bodies(ONE, 6, ["e1"]), memory.state(ONE, 6)) == ({}, {}, 6)


def test_what_was_not_asked_for_the_longest_time_goes_first() -> None:
    memory = Memory(Shelves(4_000 + 4 * THING_OCTETS))
    for at in range(4):
        memory.put_bodies((f"a{at}", "Email"), 1, {"e": bytes(200)})
    memory.bodies(("a0", "Email"), 1, ["e"])
    memory.put_bodies(("a4", "Email"), 1, {"e": bytes(200)})
    known = [at for at in range(5) if memory.bodies((f"a{at}", "Email"), 1, ["e"])]
    assert known == [0, 2, 3, 4]


def test_what_was_forgotten_is_not_known_and_takes_no_room() -> None:
    memory = Memory(Shelves(2_400))
    for _ in range(5):
        memory.put_bodies(("a", "Mailbox"), 7, {"m1": b"x" * 500})
        memory.put_state(("a", "Mailbox"), 7, 3)
        memory.clear()
        assert memory.state(("a", "Mailbox"), 7) is None
        assert memory.bodies(("a", "Mailbox"), 7, ["m1"]) == {}
    memory.put_bodies(("a", "Mailbox"), 7, {"m1": b"x" * 500, "m2": b"y" * 500})
    assert len(memory.bodies(("a", "Mailbox"), 7, ["m1", "m2"])) == 2


def test_its_room_is_counted_right_whatever_comes_and_goes() -> None:
    chance, shelves = random.Random(3), Shelves(30_000)
    memory = Memory(shelves)
    for step in range(3_000):
        key = (f"a{chance.randrange(20)}", "Email")
        number = step // 100 + chance.randrange(3)
        memory.put_bodies(key, number, {f"e{chance.randrange(9)}": bytes(chance.choice((10, 900, 70_000)))})
        if chance.random() < 0.3:
            memory.put_state((key[0], "Thread"), number, step)
        groups = [thing.value for thing in memory._groups.things.values()]
        octets = [sum(len(body) + 200 for body in group.bodies.values()) + 500 + THING_OCTETS for group in groups]
        assert shelves.held == sum(octets) <= 30_000
