"""A store is carried to another one, in one go or in several, while it is in use or not."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pillarbox.app.cli import main
from pillarbox.services.backup.move import copy_store, finish_move
from pillarbox.services.backup.restore import take_in
from pillarbox.services.backup.run import KINDS, back_up
from pillarbox.services.verify.run import verify
from pillarbox.storage.dump.walk import walk
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.removal import remove_step
from pillarbox.storage.store import Store
from pillarbox.storage.unfinished import strays
from tests.support.copy import digests, found_by, repository, rows
from tests.support.engine import ENGINES, opener
from tests.support.history import WORDS, History
from tests.support.mail_house import House, message


@pytest.fixture(params=ENGINES)
def target(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Iterator[Store]:
    with opener(request, tmp_path / "target", clock=house.clock) as opened:
        yield opened()


def same(house: House, target: Store) -> None:
    assert digests(target) == digests(house.store)
    assert rows(target) == rows(house.store)
    assert found_by(target, "a1", WORDS) == found_by(house.store, "a1", WORDS)
    report = verify(target)
    assert report.is_sound, report.findings


@pytest.mark.parametrize("seed", range(2))
def test_what_is_carried_while_things_happen_is_whole_in_the_end(house: House, target: Store, seed: int) -> None:
    life = History(house, seed)
    for _ in range(3):
        life.steps(15)
        assert not copy_store(house.store, target, lambda _done, _of: life.step()).finished
    life.steps(5)
    house.upload(b"waiting")
    moved = finish_move(house.store, target)
    assert moved.finished
    same(house, target)


def test_a_move_that_was_broken_off_goes_on(house: House, target: Store) -> None:
    class BrokenOff(Exception):
        pass

    def stop(done: int, _of: int) -> None:
        if done > 20:
            raise BrokenOff

    History(house, 5).steps(40)
    with pytest.raises(BrokenOff):
        copy_store(house.store, target, stop)
    assert finish_move(house.store, target).finished
    same(house, target)


def _die(done: int, _of: int) -> None:
    if done > 20:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_move_to_postgresql_that_was_killed_goes_on_and_comes_back_as_it_was(
    house: House, postgres_url: str, tmp_path: Path
) -> None:
    History(house, 6).steps(40)
    house.upload(b"large" * 100_000)
    house.add(message("=?utf-8?q?a=00b?="))  # NUL, which PostgreSQL does not take in its texts

    def move() -> None:
        copy_store(house.store, PostgresStore(postgres_url, tmp_path / "node", clock=house.clock), _die)

    killed = multiprocessing.get_context("fork").Process(target=move)
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    there = PostgresStore(postgres_url, tmp_path / "node", clock=house.clock)
    back = EmbeddedStore(tmp_path / "back", clock=house.clock)
    try:
        assert there.read(lambda view: strays(view.db)) == {"a1"}
        assert finish_move(house.store, there).finished
        same(house, there)
        assert finish_move(there, back).finished
        same(house, back)
    finally:
        there.close()
        back.close()


def test_what_was_broken_off_of_an_account_that_is_no_more_goes(house: House, target: Store) -> None:
    house.add(account="a2")
    items = house.store.read(
        lambda view: [item for page in walk(lambda body: body(view), "a2", 0, KINDS) for item in page]
    )
    take_in(target, items, lambda _account, _blob: b"")
    house.store.write(lambda tx: remove_step(tx.db, "a2"))
    assert finish_move(house.store, target).finished
    same(house, target)


def test_an_account_that_went_meanwhile_goes_there_too(house: House, target: Store) -> None:
    house.add(account="a2")
    copy_store(house.store, target)
    house.store.write(lambda tx: remove_step(tx.db, "a2"))
    assert finish_move(house.store, target).finished
    same(house, target)


def test_states_stay_what_they_were_and_backups_go_on(house: House, target: Store, tmp_path: Path) -> None:
    house.add()
    source = repository(tmp_path / "backups")
    first = back_up(house.store, source)
    states = {name: house.state(name) for name in ("Email", "Mailbox", "Thread")}
    assert finish_move(house.store, target).finished
    assert back_up(target, source).parent == first.id
    house.store, old = target, house.store
    assert {name: house.state(name) for name in states} == states
    old.close()


def test_a_store_that_differs_is_told(house: House, target: Store) -> None:
    house.add()
    copy_store(house.store, target)
    target.write(lambda tx: tx.db.run("UPDATE member SET words = ' odd '"))
    moved = finish_move(house.store, target)
    assert not moved.finished
    assert moved.differing == ["a1"]


def test_the_command_moves_a_store_and_nobody_uses_half_of_it(tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        found = CliRunner().invoke(main, [*words])
        assert found.exit_code == code, found.output
        return found.output

    data, other = ("--data", str(tmp_path / "data")), str(tmp_path / "other")
    run("domain", "add", "example.org", *data)
    run("account", "add", "ann@example.org", "--password", "a secret of hers", *data)
    assert "--finish" in run("store", "move", "--to", other, *data)
    assert "run the same command again" in run("account", "list", "--data", other, code=3)
    moved = json.loads(run("store", "move", "--to", other, "--finish", "--json", *data))
    assert (moved["finished"], moved["accounts"]) == (True, 2)
    assert "ann@example.org" in run("account", "list", "--data", other)
    run("verify-data", "--data", other)
    assert "is not empty" in run("store", "move", "--to", other, *data, code=3)
    assert "already" in run("store", "move", "--to", data[1], *data, code=1)
    assert "not known" in run("store", "move", "--to", "ftp://x", *data, code=1)
