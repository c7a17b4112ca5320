"""What PostgreSQL adds to the contract: writers side by side, broken connections, opening, migrations."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage.database import BudgetExceeded, Collision, StoreError
from pillarbox.storage.postgresql.connection import PostgresConnection
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.store_open import open_store_at
from tests.directory_fixture import SetClock
from tests.support.mail_house import House, message
from tests.support.postgres_server import Server, name_of


@pytest.fixture
def store(postgres_url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url, tmp_path / "data", clock=SetClock(), limits=Limits(blob_inline_octets=1000))
    yield store
    store.close()


@pytest.fixture
def house(store: PostgresStore) -> House:
    assert isinstance(store.clock, SetClock)
    return House(store, store.clock)


def rename(box: str, meet: Callable[[], object]) -> Callable[[Any], None]:
    """Read a mailbox, wait for the others, then append to its name: what was read has to hold until the commit."""

    def body(tx: Any) -> None:
        old = tx.get(MAILBOX, "a1", box)
        meet()
        tx.write(MAILBOX, "a1", old, Mailbox(id=box, name=old.name + "x", role="archive"))

    return body


def test_no_update_is_lost_between_writers_of_one_account(house: House) -> None:
    meeting = threading.Barrier(4)
    runs: list[int] = []

    def meet() -> None:
        runs.append(1)
        if len(runs) <= 4:  # those that run again have nobody to wait for
            meeting.wait(10)

    box = house.box["archive"]
    before = int(house.state("Mailbox"))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(house.store.write, rename(box, meet)) for _ in range(4)]:
            done.result(20)
    assert house.get("Mailbox", box)["name"] == "Archivexxxx"
    assert int(house.state("Mailbox")) == before + 4
    assert len(runs) > 4


def test_what_was_locked_inside_a_savepoint_that_is_undone_is_locked_anew(house: House, postgres_url: str) -> None:
    other = PostgresConnection(postgres_url)

    def is_free() -> bool:
        other.begin("BEGIN", None)
        try:
            return other.row("SELECT 1 FROM account WHERE id = 'a1' FOR UPDATE NOWAIT") is not None
        except Collision:
            return False
        finally:
            other.run("ROLLBACK")
            other.trouble = None

    def body(tx: Any) -> list[bool]:
        found = []
        with contextlib.suppress(Fault), tx.savepoint():
            tx.lock("a1")
            found.append(is_free())
            raise Fault(Kind.FAILED)
        tx.lock("a1")
        return [*found, is_free()]

    assert house.store.write(body) == [False, False]
    assert is_free()
    other.close()


def test_writers_of_different_accounts_do_not_meet(house: House) -> None:
    inside = threading.Barrier(2)
    runs: list[str] = []

    def write(account: str) -> None:
        def body(tx: Any) -> None:
            runs.append(account)
            tx.write(MAILBOX, account, None, Mailbox(id="m" + account, name="new"))
            inside.wait(10)  # both are in their transactions, with their accounts' rows held

        house.store.write(body)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, account) for account in ("a1", "a2")]:
            done.result(20)
    assert sorted(runs) == ["a1", "a2"]


def test_a_deadlock_is_tried_again_and_both_succeed(house: House) -> None:
    first = threading.Barrier(2)
    runs: list[str] = []

    def write(one: str, other: str) -> None:
        def body(tx: Any) -> None:
            tx.write(MAILBOX, one, None, Mailbox(id=f"m{one}{other}", name=f"{one}{other}"))
            runs.append(one)
            if len(runs) <= 2:
                first.wait(10)
            tx.write(MAILBOX, other, None, Mailbox(id=f"m{one}{other}", name=f"{one}{other}"))

        house.store.write(body)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, "a1", "a2"), pool.submit(write, "a2", "a1")]:
            done.result(30)
    names = {box.id for box in house.store.read(lambda view: view.all(MAILBOX, "a1"))}
    assert {"ma1a2", "ma2a1"} <= names
    assert len(runs) >= 3  # who was undone may meet the other once more


def test_who_swallows_a_collision_is_run_again_all_the_same(house: House) -> None:
    runs: list[int] = []
    box = house.box["archive"]

    def body(tx: Any) -> str:
        runs.append(1)
        old = tx.get(MAILBOX, "a1", box)
        if len(runs) == 1:
            house.create("Mailbox", name="meanwhile")  # another transaction
        try:
            with tx.savepoint():
                tx.write(MAILBOX, "a1", old, Mailbox(id=box, name="mine", role="archive"))
        except Exception:  # noqa: BLE001 -- as a method does that lets every record stand or fall alone
            return "failed"
        return "written"

    assert house.store.write(body) == "written"
    assert len(runs) == 2
    assert house.get("Mailbox", box)["name"] == "mine"


def test_a_blob_that_two_upload_at_once_is_there_once(house: House) -> None:
    meeting = threading.Barrier(2)
    runs: list[int] = []

    def body(tx: Any) -> str:
        assert tx.blob_size("a1", "b0") is None  # the reading begins here
        runs.append(1)
        if len(runs) <= 2:
            meeting.wait(10)
        return str(tx.put_blob("a1", b"octets", pending=True))

    with ThreadPoolExecutor(2) as pool:
        ids = {done.result(20) for done in [pool.submit(house.store.write, body) for _ in range(2)]}
    assert len(ids) == 1
    assert len(house.store.read(lambda view: view.db.rows("SELECT id FROM blob WHERE account = 'a1'"))) == 1


def test_an_account_that_stays_contested_is_unavailable_and_nothing_is_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.storage.postgresql.store._ATTEMPTS", 3)
    box, runs = house.box["archive"], []

    def body(tx: Any) -> None:
        old = tx.get(MAILBOX, "a1", box)
        runs.append(1)
        house.create("Mailbox", name=f"meanwhile {len(runs)}")
        tx.write(MAILBOX, "a1", old, Mailbox(id=box, name="mine", role="archive"))

    with pytest.raises(Fault) as caught:
        house.store.write(body)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert len(runs) >= 3  # who was undone may meet the other once more
    assert house.get("Mailbox", box)["name"] == "Archive"


# --- broken connections


def test_idle_connections_that_broke_are_replaced(house: House, postgres: Server, postgres_url: str) -> None:
    first = house.add()
    assert postgres.break_connections(postgres_url) >= 1
    assert house.query() == [first]
    postgres.break_connections(postgres_url)
    assert len(house.query()) + len([house.add()]) == 2


def test_nothing_is_remembered_of_a_server_whose_connection_broke(
    house: House, postgres: Server, postgres_url: str
) -> None:
    box, name = house.box["archive"], name_of(postgres_url)
    before = house.get("Mailbox", box)
    assert house.query() == house.query() == []
    # What a standby has that was made the server without the last commits: other data under a number of before.
    changed = "convert_from(body, 'UTF8')::jsonb || '{\"name\": \"Elsewhere\"}'"
    sql = f"UPDATE {name}.record SET body = convert_to(({changed})::text, 'UTF8') WHERE id = '{box}'"  # noqa: S608
    postgres.execute(sql)
    assert house.get("Mailbox", box) == before, "it is remembered as long as the number stays"
    postgres.break_connections(postgres_url)
    assert house.get("Mailbox", box)["name"] == "Elsewhere"


def test_a_write_whose_connection_breaks_before_the_commit_is_run_again(
    house: House, postgres: Server, postgres_url: str
) -> None:
    runs: list[int] = []

    def body(tx: Any) -> None:
        runs.append(1)
        tx.write(MAILBOX, "a1", None, Mailbox(id="mx", name="x"))
        if len(runs) == 1:
            postgres.break_connections(postgres_url)
        tx.write(MAILBOX, "a1", None, Mailbox(id="my", name="y"))

    house.store.write(body)
    assert {"mx", "my"} <= set(house.every("Mailbox"))
    assert len(runs) == 2


def test_a_commit_that_breaks_is_never_called_a_success(
    house: House, postgres: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = PostgresConnection.commit
    runs: list[int] = []

    def broken(db: PostgresConnection) -> None:
        postgres.break_connections(postgres_url)
        commit(db)

    def body(tx: Any) -> None:
        runs.append(1)
        tx.write(MAILBOX, "a1", None, Mailbox(id="mx", name="x"))

    with monkeypatch.context() as patch:
        patch.setattr(PostgresConnection, "commit", broken)
        with pytest.raises(Fault) as caught:
            house.store.write(body)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert runs == [1], "it may have been written: to run it again could write it twice"
    assert "mx" not in house.every("Mailbox")


def test_a_server_that_is_gone_is_unavailable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(house.store, PostgresStore)
    house.store.pool.clear()
    monkeypatch.setattr(house.store.pool, "_url", "postgresql:///nobody?host=/nowhere")
    for work in (lambda: house.store.read(lambda view: view.ids(EMAIL, "a1", 1)), lambda: house.upload(b"x")):
        with pytest.raises(Fault) as caught:
            work()
        assert caught.value.kind is Kind.UNAVAILABLE


def test_a_transaction_that_the_server_undid_is_no_success(house: House) -> None:
    def body(tx: Any) -> None:
        tx.write(MAILBOX, "a1", None, Mailbox(id="mx", name="x"))
        with pytest.raises(Exception, match="syntax"):
            tx.db.run("SELECT FROM WHERE")  # and nobody goes back to a savepoint

    with pytest.raises(Fault) as caught:
        house.store.write(body)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert "mx" not in house.every("Mailbox")


# --- budgets


def test_a_read_over_its_budget_is_broken_off(store: PostgresStore) -> None:
    with pytest.raises(BudgetExceeded):
        store.read(lambda view: view.db.rows("SELECT pg_sleep(20)"), 0.05)
    assert store.read(lambda view: view.db.row("SELECT 1"), 5) == (1,)
    assert store.read(lambda view: view.db.row("SHOW statement_timeout")) == ("0",)


def test_a_body_that_knows_that_it_takes_long_is_broken_off_only_when_in_a_hurry(store: PostgresStore) -> None:
    with pytest.raises(BudgetExceeded):
        store.read(lambda view: view.take_time(), 5)
    store.read(lambda view: view.take_time())


# --- opening


def test_a_database_that_is_not_utf8_is_refused(postgres: Server, tmp_path: Path) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StoreError, match=r"LATIN1.*ENCODING 'UTF8'"):
            PostgresStore(postgres.url("latin"), tmp_path / "data")
    finally:
        postgres.execute("DROP DATABASE latin WITH (FORCE)")


def test_a_server_that_cannot_be_reached_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot connect to PostgreSQL") as caught:
        PostgresStore("postgresql://u:sesame@/db?host=/nowhere", tmp_path / "data")
    assert "sesame" not in str(caught.value)


def test_nodes_that_start_together_make_the_schema_once(postgres: Server, tmp_path: Path) -> None:
    name = name_of(postgres.new())
    postgres.execute(f"DROP SCHEMA {name} CASCADE; CREATE SCHEMA {name}")
    url = f"{postgres.url('postgres')}&options=-csearch_path%3D{name}&application_name={name}"
    meeting = threading.Barrier(4)

    def start(number: int) -> PostgresStore:
        meeting.wait(10)
        return PostgresStore(url, tmp_path / str(number))

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(start, range(4)))
    stores[0].write(lambda tx: tx.add_account("a"))
    assert stores[3].read(lambda view: view.db.rows("SELECT id, modseq FROM account")) == [("a", 0)]
    for store in stores:
        store.close()
    postgres.give_back(url)


def test_commits_are_durable_even_where_the_server_says_otherwise(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new()
    name = name_of(url)
    quick = url.replace(f"search_path%3D{name}", f"search_path%3D{name}%20-csynchronous_commit%3Doff")
    store = PostgresStore(quick, tmp_path / "data")
    assert store.read(lambda view: view.db.row("SHOW synchronous_commit")) == ("on",)
    store.close()
    postgres.give_back(url)


def test_a_missing_driver_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillarbox.storage.postgresql.store", None)
    with pytest.raises(StoreError, match=r"install pillarbox\[postgresql\]"):
        open_store_at("postgresql:///x", tmp_path)


def test_a_forked_process_leaves_its_parents_connections_alone(house: House) -> None:
    import os  # noqa: PLC0415

    house.add()
    child = os.fork()
    if child == 0:  # pragma: no cover -- another process
        code = 1
        try:
            house.store.write(lambda tx: deliver(tx, "a1", message("from the child")))
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(house.query()) == 2
