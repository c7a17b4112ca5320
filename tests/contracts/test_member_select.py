r"""IMAP's searches in one mailbox, \Deleted messages among them, against the same conditions tested one by one."""

import random
from typing import Any

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.membership import Membership
from pillarbox.services.mail.flag import expunge, set_deleted
from tests.support.mail_house import House, message

WORDS = ("apple", "berry", "cherry")


def found(house: House, where: c.Condition | None, box: str = "inbox") -> list[int]:
    return house.store.read(lambda view: view.select_uids(EMAIL, "a1", house.box[box], where))


def fill(house: House, chance: random.Random) -> dict[str, bytes]:
    """Some thirty messages in two mailboxes, some deleted, some gone; returns the octets of all."""
    out = {}
    for number in range(36):
        headers = {"X-Odd": chance.choice(WORDS)} if chance.random() < 0.4 else {}
        if chance.random() < 0.3:
            headers["References"] = "<m1@example.org>"
        data = message(
            f"{chance.choice(WORDS)} {number}", " ".join(chance.sample(WORDS, 2)), headers=headers, id=f"m{number}"
        )
        boxes = chance.choice((["inbox"], ["inbox"], ["archive"], ["inbox", "archive"]))
        words = dict.fromkeys(chance.sample(("$seen", "$flagged", "b_ue"), chance.randrange(3)), True)
        out[house.add(data, *boxes, keywords=words, received_ms=1_600_000_000_000 + number % 5 * 1000)] = data
    ids = list(out)
    for box in ("inbox", "archive"):
        chosen = chance.sample(ids, 12)
        house.store.write(lambda tx, box=box, chosen=chosen: set_deleted(tx, "a1", house.box[box], chosen, on=True))  # type: ignore[misc]
    house.store.write(lambda tx: expunge(tx, "a1", house.box["inbox"], ids[:8]))
    return out


def holds(where: c.Condition, member: Membership, data: bytes) -> bool:
    text = data.decode()
    head, _, body = text.partition("\r\n\r\n")
    columns: dict[str, Any] = {
        "uid": member.uid, "modseq": member.modseq, "saved_at": member.saved_at, "size": len(data),
        "received_at": member.sort_key, "thread_id": member.group_id, "has_attachment": 0,
    }  # fmt: skip
    match where:
        case c.Compare(column, operator, value):
            own = columns[column]
            return bool(
                {"=": own == value, "<": own < value, ">=": own >= value, "<=": own <= value, ">": own > value}[
                    operator
                ]
            )
        case c.HasWord(_, word):
            return f" {word} " in member.words
        case c.NumberIn(column, numbers):
            return columns[column] in numbers
        case c.IsDeleted():
            return bool(member.is_deleted)
        case c.OneOf(ids):
            return member.item in ids
        case c.Matches(places, word):
            subject = next(line for line in head.split("\r\n") if line.startswith("Subject: "))
            where_to_look = subject if places == ("subject",) else body if places == ("body",) else subject + body
            return word in where_to_look
        case c.HeaderIs(name, value):
            lines = [line for line in head.split("\r\n") if line.lower().startswith(f"{name.lower()}:")]
            return any((value or "").lower() in line.partition(":")[2].lower() for line in lines)
        case c.Every(parts):
            return all(holds(part, member, data) for part in parts)
        case c.Some(parts):
            return any(holds(part, member, data) for part in parts)
        case c.Nothing(parts):
            return not any(holds(part, member, data) for part in parts)
        case _:
            raise AssertionError(where)


def a_condition(chance: random.Random, members: list[Membership], depth: int = 2) -> c.Condition:
    one = chance.choice(members)
    if depth and chance.random() < 0.6:
        parts = tuple(a_condition(chance, members, depth - 1) for _ in range(chance.randrange(1, 4)))
        return chance.choice((c.Every, c.Every, c.Some, c.Nothing))(parts)
    return chance.choice((
        c.Compare("uid", chance.choice(("<", ">=", "=", "<=", ">")), one.uid),
        c.Compare("modseq", ">=", one.modseq),
        c.Compare("saved_at", "<", one.saved_at),
        c.Compare("size", ">", one.size),
        c.Compare("received_at", "<", one.sort_key),
        c.Compare("thread_id", "=", one.group_id),
        c.Compare("has_attachment", "=", chance.randrange(2)),
        c.HasWord("keywords", chance.choice(("$seen", "b_ue", "blue"))),
        c.NumberIn("uid", tuple(m.uid for m in chance.sample(members, 3))),
        c.NumberIn("uid", ()),
        c.IsDeleted(),
        c.OneOf((one.item, "enobody")),
        c.Matches((), chance.choice(WORDS)),
        c.Matches(("subject",), chance.choice(WORDS)),
        c.Matches(("body",), chance.choice(WORDS)),
        c.HeaderIs("x-odd", chance.choice((None, *WORDS))),
        c.HeaderIs("Subject", chance.choice(WORDS)),
        c.HeaderIs("Message-ID", f"<M{chance.randrange(40)}@example.org>"),
        c.HeaderIs("references", chance.choice(("m1@", "<m2@example.org>", None))),
    ))  # fmt: skip


def test_conditions_find_what_they_say_whatever_is_deleted(house: House) -> None:
    chance = random.Random(4)
    octets = fill(house, chance)
    for box in ("inbox", "archive", "sent"):
        members = house.store.read(lambda view, box=box: view.memberships("a1", house.box[box]))  # type: ignore[misc]
        assert found(house, None, box) == [m.uid for m in members]
        if not members:
            continue
        assert {bool(m.is_deleted) for m in members} == {True, False}
        hits = 0
        for _ in range(150):
            where = a_condition(chance, members)
            wanted = [m.uid for m in members if holds(where, m, octets[m.item])]
            assert found(house, where, box) == wanted, where
            hits += 0 < len(wanted) < len(members)
        assert hits > 50


def test_a_text_without_a_word_finds_nothing_and_not_everything_besides(house: House) -> None:
    fill(house, random.Random(5))
    everything = found(house, None)
    assert found(house, c.Matches((), "...")) == []
    assert found(house, c.Nothing((c.Matches((), "..."),))) == everything
    assert found(house, c.Every((c.Matches((), "apple"), c.Matches((), "...")))) == []


def test_a_very_long_list_of_uids_is_one_condition(house: House) -> None:
    fill(house, random.Random(6))
    assert found(house, c.NumberIn("uid", tuple(range(1, 120_000)))) == found(house, None)


def test_uids_and_ids_come_together(house: House) -> None:
    octets, box = fill(house, random.Random(7)), house.box["inbox"]
    members = house.store.read(lambda view: view.memberships("a1", box))
    wanted = [(m.uid, m.item) for m in members if m.is_deleted]
    assert house.store.read(lambda view: view.select_members(EMAIL, "a1", box, c.IsDeleted())) == wanted
    text = c.Every((c.Matches((), "cherry"), c.IsDeleted()))
    part = [(uid, id) for uid, id in wanted if b"cherry" in octets[id]]
    assert house.store.read(lambda view: view.select_members(EMAIL, "a1", box, text)) == part
    assert 0 < len(part) < len(wanted)


def test_a_condition_of_thousands_of_parts_is_answered(house: House) -> None:
    for number in range(3):
        house.add(message("x", "y" * number), "inbox")
    sizes = [row.size for row in house.store.read(lambda view: view.memberships("a1", house.box["inbox"]))]
    every = c.Every(tuple(c.Compare("size", ">", n % sizes[0]) for n in range(2_500)))
    some = c.Some((*(c.Compare("size", "=", n) for n in range(2_500, 5_000)), c.Compare("size", "=", sizes[1])))
    assert found(house, every) == [1, 2, 3]
    assert found(house, some) == [2]
    assert found(house, c.Nothing(some.parts)) == [1, 3]
    deep: c.Condition = c.HasWord("keywords", "none")
    for _ in range(100):
        deep = c.Nothing((c.Every((deep, *every.parts[:19])),))
    assert found(house, deep) == []
