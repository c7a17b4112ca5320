"""A few rounds of what `just crash` does for long."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.database import DatabaseRounds
from tests.crash.ledger import GONE, Ledger, Seen, compare
from tests.crash.migration import Migrations
from tests.crash.relay import is_explained, run_relay
from tests.crash.rounds import Rounds, first_starts
from tests.crash.server import Nursery
from tests.crash.sink import Time
from tests.support.engine import postgres, postgres_url
from tests.support.postgres_server import NoServer
from tests.support.postgres_server import Server as PostgresServer

__all__ = ["postgres", "postgres_url"]
# Connections that break while an answer comes are left to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
ONE, OTHER = ("a", "Email", "1"), ("a", "Email", "2")


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.close()
    gc.collect()


def crash(rounds: Rounds, count: int) -> None:
    try:
        rounds.run(count, verify_every=count)
        assert rounds.acknowledged
        rounds.close()
    finally:
        rounds.server.kill()


def test_what_was_acknowledged_outlives_kills(tmp_path: Path, nursery: Nursery) -> None:
    crash(Rounds(tmp_path, nursery, seed=5, workers=2), 4)


def test_what_was_acknowledged_outlives_kills_on_postgresql(
    tmp_path: Path, nursery: Nursery, postgres_url: str
) -> None:
    crash(Rounds(tmp_path, nursery, seed=5, workers=2, url=postgres_url), 2)


def test_what_was_acknowledged_outlives_kills_of_the_database(tmp_path: Path, nursery: Nursery) -> None:
    try:
        database = PostgresServer()
    except NoServer as problem:
        pytest.skip(str(problem))
    try:
        rounds = DatabaseRounds(tmp_path, nursery, database, seed=5, workers=2)
        crash(rounds, 3)
        assert rounds.refusals
    finally:
        database.stop()


def test_an_old_store_that_was_killed_on_its_way_is_brought_up_to_date(tmp_path: Path, nursery: Nursery) -> None:
    Migrations(tmp_path, nursery, seed=1).run(1)


def test_an_old_database_whose_server_was_killed_on_its_way_is_brought_up_to_date(
    tmp_path: Path, nursery: Nursery, postgres: PostgresServer
) -> None:
    Migrations(tmp_path, nursery, seed=1, database=postgres).run(1)


def test_a_store_that_was_being_made_when_its_server_was_killed_is_made_by_the_next(nursery: Nursery) -> None:
    first_starts(nursery, 1, seed=1)


def test_what_is_sent_outlives_kills_and_goes_twice_only_if_it_was_on_its_way(tmp_path: Path) -> None:
    rounds = run_relay(tmp_path, 3, seed=5)
    assert rounds.acknowledged


def test_what_is_sent_outlives_kills_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    assert run_relay(tmp_path, 2, seed=6, url=postgres_url).acknowledged


def test_a_message_may_come_again_only_if_who_gave_it_had_ended() -> None:
    second = 1_000_000_000
    first, again = Time(10 * second, 11 * second), Time(14 * second, 15 * second)
    ends = {9: False, 10: True, 12: True, 14: True, 16: False}
    assert {at: is_explained(first, again, [Time(at * second, at * second)]) for at in ends} == ends
    assert is_explained(first, again, [Time(9 * second, 16 * second)])
    late = Time(30 * second, 30 * second)
    assert not is_explained(first, late, [Time(20 * second, 20 * second)])


def seen(*keys: tuple[str, str, str]) -> Seen:
    seen = Seen()
    for key in keys:
        seen.add(key, "new", key[2])
    return seen


def test_the_ledger_misses_what_was_acknowledged() -> None:
    ledger = Ledger()
    ledger.done(ledger.begin({ONE: "new"}))
    assert "1" in compare([ledger], seen())[0]


def test_the_ledger_finds_half_of_what_was_not_answered() -> None:
    ledger = Ledger()
    ledger.begin({ONE: "new", OTHER: "new"})
    assert "half" in compare([ledger], seen(ONE))[0]


def test_the_ledger_takes_all_or_nothing_of_what_was_not_answered() -> None:
    for found in (seen(), seen(ONE, OTHER)):
        ledger = Ledger()
        ledger.begin({ONE: "new", OTHER: "new"})
        assert compare([ledger], found) == []


def test_the_ledger_finds_what_comes_twice_or_from_nowhere_or_back() -> None:
    ledger = Ledger()
    ledger.done(ledger.begin({ONE: "new"}))
    assert compare([ledger], seen(ONE, ONE))
    ledger.done(ledger.begin({OTHER: "new"}))
    ledger.done(ledger.begin({OTHER: GONE}))
    assert compare([ledger], seen(ONE, OTHER))
    assert compare([ledger], seen(ONE, ("a", "Email", "3")))


def test_the_ledger_does_not_take_what_was_refused() -> None:
    ledger = Ledger()
    ledger.refused(ledger.begin({ONE: "new"}))
    assert compare([ledger], seen(ONE))
