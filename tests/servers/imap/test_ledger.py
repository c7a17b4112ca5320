r"""What is found by a ledger is what the store finds, whatever has happened in between, on every engine."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.shelf import THING_OCTETS, Shelves
from pillarbox.servers.imap import flag_column, row_search
from pillarbox.servers.imap import ledger as module
from pillarbox.servers.imap.concordances import Concordances
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.ledger import Ledger, Ledgers
from pillarbox.servers.imap.row_search import is_of_rows
from pillarbox.servers.imap.search_program import Scene, Search
from pillarbox.servers.imap.sheet import Sheets
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import STAR, SequenceSet
from tests.directory_fixture import SetClock
from tests.support.engine import ENGINES, opener
from tests.support.mail_house import House, message

DAY_MS = 86_400_000
FIRST = date(2023, 11, 20)
KEYWORDS = ("$seen", "$flagged", "$forwarded", "b_ue", "b.ue", "blue", "a+b", "se", "'q'", "$se")
SEEN = k.HasFlag("\\Seen")


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with opener(request, tmp_path, clock=SetClock()) as open_store:
        store = open_store()
        assert isinstance(store.clock, SetClock)
        yield House(store, store.clock)


def run(view: Snapshot, house: House, key: k.SearchKey, ledgers: Ledgers, images: Images | None = None) -> list[int]:
    box = house.box["inbox"]
    image = (images or Images()).now(view, "a1", box)
    known = array("I", image.uids[:-1])  # the client has not been told of the last one
    scene = Scene("a1", box, image, Sheets(), Concordances(), ledgers, known, recent=[(3, 6), (9, 40)])
    return list(Search(view, scene).run(key))


def ledger_of(view: Snapshot, house: House, ledgers: Ledgers) -> Ledger | None:
    return ledgers.of(view, "a1", house.box["inbox"], Images().now(view, "a1", house.box["inbox"]))


def warm(house: House) -> Ledgers:
    """Ledgers with one of the inbox."""
    ledgers = Ledgers()
    for _ in range(2):
        house.store.read(lambda view: ledger_of(view, house, ledgers))
    return ledgers


def add(house: House, chance: random.Random) -> str:
    words = dict.fromkeys(chance.sample(KEYWORDS, chance.randrange(4)), True)
    day = chance.choice((0, 1, 1, 3, 9)) * DAY_MS + chance.choice((-1, 0, 1, 5_000))
    data = message(body="x" * chance.choice((1, 2, 50)))
    return house.add(data, keywords=words, received_ms=1_700_438_400_000 + day)


def leaf(chance: random.Random) -> k.SearchKey:
    first, last = chance.randrange(1, 60), chance.choice((STAR, chance.randrange(1, 60)))
    numbers = SequenceSet(((first, last), (2, 3)))
    day = FIRST + timedelta(days=chance.randrange(-1, 11))
    flags = ("\\SEEN", "\\Deleted", "\\Flagged", "\\Nothing", "B%UE", *KEYWORDS)
    return chance.choice((
        SEEN,
        k.HasFlag(chance.choice(flags)),
        k.Dated("internal", chance.choice(("<", "=", ">=")), day),
        k.Within(chance.random() < 0.5, chance.choice((1, 3600, DAY_MS // 1000, 3 * DAY_MS // 1000))),
        k.Sized(chance.random() < 0.5, chance.choice((0, 150, 201, 202, 203, 251, 1 << 40))),
        k.Numbers(numbers, is_uid=chance.random() < 0.5),
        k.Numbers(SequenceSet(((1, STAR),)), is_uid=False),
        k.Recent(),
        k.SaveDateSupported(),
    ))  # fmt: skip


def program(chance: random.Random, depth: int = 3) -> k.SearchKey:
    kind = chance.random()
    if depth == 0 or kind < 0.2:
        return leaf(chance)
    if kind < 0.4:
        return k.Not(program(chance, depth - 1))
    if kind < 0.5:
        return k.Fuzzy(program(chance, depth - 1))
    if kind < 0.7:
        return k.Either(program(chance, depth - 1), program(chance, depth - 1))
    return k.Every(tuple(program(chance, depth - 1) for _ in range(chance.randrange(1, 4))))


def happen(house: House, chance: random.Random, ids: list[str]) -> None:
    """Something that changes a mailbox."""
    some = chance.sample(ids, min(len(ids), chance.choice((1, 1, 2, 7))))
    kind = chance.randrange(6)
    if kind == 0 or len(ids) < 10:
        ids += [add(house, chance) for _ in range(chance.choice((1, 3)))]
    elif kind == 1:
        house.store.write(lambda tx: set_deleted(tx, "a1", house.box["inbox"], some, on=chance.random() < 0.6))
    elif kind == 2:
        house.store.write(lambda tx: set_deleted(tx, "a1", house.box["inbox"], some, on=True))
        house.store.write(lambda tx: expunge(tx, "a1", house.box["inbox"], some))
        ids[:] = [id for id in ids if id not in some]
    else:
        there = house.call("Email/get", ids=some, properties=["mailboxIds"])["list"]
        for one in there:
            if kind == 3:
                to = chance.choice(("archive", "inbox"))
                house.update("Email", one["id"], {"mailboxIds": {house.box[to]: True}})
            else:
                words = dict.fromkeys(chance.sample(KEYWORDS, chance.randrange(4)), True)
                house.update("Email", one["id"], {"keywords": words})


@pytest.mark.parametrize("seed", range(3))
def test_a_ledger_finds_what_the_store_finds_whatever_has_happened(
    house: House, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(row_search, "_LONG", chance.choice((1, 2, 16)))
    monkeypatch.setattr(flag_column, "_MOST_KINDS", 256 if seed else 60)
    ids = [add(house, chance) for _ in range(30)]
    ledgers, images = warm(house), Images()
    reads = count_reads(monkeypatch)
    for _ in range(50):
        for _ in range(chance.choice((1, 1, 4))):
            happen(house, chance, ids)

        def compare(view: Snapshot) -> None:
            for _ in range(8):
                key = program(chance)
                found = run(view, house, key, ledgers, chance.choice((images, Images())))
                assert found == run(view, house, key, Ledgers()), key

        house.store.read(compare)
    assert len(reads) < 10, "it is brought up to date, not read anew"


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    reads, read = [], module._read

    def counted(*args: Any) -> Ledger | None:
        reads.append(args)
        return read(*args)

    monkeypatch.setattr(module, "_read", counted)
    return reads


def test_a_mailbox_gets_a_ledger_when_it_is_searched_again(house: House) -> None:
    add(house, random.Random(1))
    ledgers = Ledgers()
    assert house.store.read(lambda view: ledger_of(view, house, ledgers)) is None
    ledger = house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert ledger is not None
    assert house.store.read(lambda view: ledger_of(view, house, ledgers)) is ledger


def test_what_an_older_view_sees_is_not_told_by_a_newer_ledger_nor_the_other_way_round(house: House) -> None:
    chance = random.Random(2)
    ids = [add(house, chance) for _ in range(9)]
    house.update("Email", ids[0], {"keywords": {}})
    ledgers = warm(house)

    def old(view: Snapshot) -> None:
        before = run(view, house, SEEN, Ledgers())
        assert 1 not in before
        house.update("Email", ids[0], {"keywords": {"$seen": True}})
        assert house.store.read(lambda new: run(new, house, SEEN, ledgers)) == [1, *before]
        assert run(view, house, SEEN, ledgers) == before
        house.store.write(lambda tx: set_deleted(tx, "a1", house.box["inbox"], ids[1:2], on=True))
        house.store.write(lambda tx: expunge(tx, "a1", house.box["inbox"], ids[1:2]))
        add(house, chance)
        assert house.store.read(lambda new: run(new, house, SEEN, ledgers))[0] == 1
        assert run(view, house, SEEN, ledgers) == before
        assert run(view, house, k.Sized(is_larger=True, octets=0), ledgers) == list(range(1, 10))

    house.store.read(old)
    assert house.store.read(lambda view: run(view, house, k.Sized(is_larger=True, octets=0), ledgers)) == [
        1, *range(3, 11)
    ]  # fmt: skip


def test_more_combinations_of_flags_than_an_octet_tells_are_left_to_the_store(house: House) -> None:
    for number in range(257):
        house.add(message(), keywords={f"flag{number}": True})
    ledgers = warm(house)
    ledger = house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert ledger is not None
    assert ledger.flags is None
    for number in (0, 255, 256):
        key = k.HasFlag(f"Flag{number}")
        assert house.store.read(lambda view, key=key: run(view, house, key, ledgers)) == [number + 1]  # type: ignore[misc]
    large = k.Sized(is_larger=True, octets=0)
    assert house.store.read(lambda view: run(view, house, large, ledgers)) == list(range(1, 258))


def test_combinations_that_no_message_has_any_more_make_room(house: House) -> None:
    ids = [house.add(message(), keywords={"kept": True}), house.add(message())]
    ledgers = warm(house)
    for number in range(300):
        house.update("Email", ids[1], {"keywords": {f"flag{number}": True}})
        house.store.read(lambda view: ledger_of(view, house, ledgers))
    ledger = house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert ledger is not None
    assert ledger.flags is not None
    assert ledger.flags.with_word("kept") == b"\1\0"
    assert ledger.flags.with_word("flag299") == b"\0\1"
    assert ledger.flags.with_word("flag298") == b"\0\0"


def test_only_so_much_is_remembered(house: House) -> None:
    ledgers = Ledgers(Shelves(5_100))
    house.add(message())
    for _ in range(2):
        kept = house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert kept is not None
    assert house.store.read(lambda view: ledger_of(view, house, ledgers)) is kept
    for number in range(3):
        house.add(message(), keywords={f"flag{number}": True})
    large = house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert large is not None
    assert large.weight > 5_100 - THING_OCTETS
    assert house.store.read(lambda view: ledger_of(view, house, ledgers)) is None


def test_many_rows_are_not_read_on_the_event_loop(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUICK", 1)
    house.add(message())
    house.add(message())
    ledgers = Ledgers()

    def hurried(view: Snapshot) -> None:
        assert ledger_of(view, house, ledgers) is None
        view.hurried = True
        with pytest.raises(BudgetExceeded):
            ledger_of(view, house, ledgers)

    house.store.read(hurried)


def test_much_that_has_changed_is_read_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_CHANGES", 2)
    reads = count_reads(monkeypatch)
    ledgers = warm(house)
    for count in (2, 3):
        for _ in range(count):
            house.add(message(), keywords={"$seen": True})
        house.store.read(lambda view: ledger_of(view, house, ledgers))
    assert len(reads) == 2
    assert house.store.read(lambda view: run(view, house, SEEN, ledgers)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        (k.Every((k.Dated("internal", ">=", FIRST), k.Not(SEEN))), True),
        (k.Every(()), False),
        (k.Numbers(SequenceSet(((1, STAR),)), is_uid=False), False),
        (k.Numbers(SequenceSet(is_saved=True), is_uid=False), False),
        (k.Every((SEEN, k.Dated("saved", "<", FIRST))), False),
        (k.Either(SEEN, k.Text("from", "ann")), False),
        (k.Every((SEEN,) * 100), True),
        (k.Every((SEEN,) * 101), False),
    ],
)
def test_a_ledger_is_asked_what_stands_in_it(key: k.SearchKey, answer: bool) -> None:
    assert is_of_rows(key) is answer
