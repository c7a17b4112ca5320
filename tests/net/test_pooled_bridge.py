"""The bridge to PostgreSQL and the notices between nodes: threads for each kind of work, changes heard by all."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.net.notify import Notifications, notes
from pillarbox.net.pooled_bridge import PooledBridge
from pillarbox.storage.postgresql.connection import PostgresConnection
from pillarbox.storage.postgresql.notice import MAX_OCTETS
from pillarbox.storage.postgresql.store import PostgresStore
from tests.support.postgres_server import Server


@pytest.fixture
def stores(postgres_url: str, tmp_path: Path) -> Iterator[list[PostgresStore]]:
    """Two nodes."""
    found = [PostgresStore(postgres_url, tmp_path / name) for name in ("one", "two")]
    found[0].write(lambda tx: tx.add_account("a"))
    yield found
    for store in found:
        store.close()


def run(store: PostgresStore, body: Callable[[PooledBridge], Awaitable[None]], threads: int = 6) -> None:
    async def main() -> None:
        bridge = PooledBridge(store, threads=threads)
        try:
            async with asyncio.timeout(30):
                await body(bridge)
        finally:
            await bridge.close()

    asyncio.run(main())


def add(name: str) -> Callable[[Any], str]:
    def body(tx: Any) -> str:
        id = str(tx.new_id(MAILBOX))
        tx.write(MAILBOX, "a", None, Mailbox(id=id, name=name))
        return id

    return body


def names(store: PostgresStore) -> list[str]:
    return sorted(box.name for box in store.read(lambda view: view.all(MAILBOX, "a")))


def test_many_writers_of_one_account_all_succeed(stores: list[PostgresStore]) -> None:
    async def body(bridge: PooledBridge) -> None:
        ids = await asyncio.gather(*[bridge.write(add(f"box {n}"), slow=n % 5 == 0) for n in range(20)])
        assert len(set(ids)) == 20

    run(stores[0], body)
    assert names(stores[0]) == sorted(f"box {n}" for n in range(20))
    assert stores[0].read(lambda view: view.state(MAILBOX, "a")) == 20


def test_a_failing_body_fails_alone(stores: list[PostgresStore]) -> None:
    def wrong(tx: Any) -> None:
        add("gone")(tx)
        raise invalid("name")

    async def body(bridge: PooledBridge) -> None:
        done = await asyncio.gather(bridge.write(add("kept")), bridge.write(wrong), return_exceptions=True)
        assert isinstance(done[1], Fault)

    run(stores[0], body)
    assert names(stores[0]) == ["kept"]


def test_slow_work_leaves_threads_for_quick_reads_and_writes(stores: list[PostgresStore]) -> None:
    async def body(bridge: PooledBridge) -> None:
        go_on = threading.Event()
        slow = [asyncio.create_task(bridge.read(lambda _: go_on.wait(20), slow=True)) for _ in range(20)]
        slow += [asyncio.create_task(bridge.run(go_on.wait, 20)) for _ in range(20)]
        try:
            await bridge.write(add("quick"))
            assert [box.name for box in await bridge.read(lambda view: view.all(MAILBOX, "a"))] == ["quick"]
        finally:
            go_on.set()
        assert all(await asyncio.gather(*slow))

    run(stores[0], body)


def test_a_read_over_its_budget_goes_on_among_the_slow(stores: list[PostgresStore]) -> None:
    async def body(bridge: PooledBridge) -> None:
        threads: list[str] = []

        def look(view: Any) -> int:
            threads.append(threading.current_thread().name)
            view.take_time()
            return 7

        assert await bridge.read(look) == 7
        assert [name.rpartition("_")[0] for name in threads] == ["pillarbox-read", "pillarbox"]

    run(stores[0], body)


def test_a_write_that_nobody_waits_for_any_more_is_finished_and_told(stores: list[PostgresStore]) -> None:
    async def body(bridge: PooledBridge) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def held(tx: Any) -> str:
            inside.set()
            go_on.wait(20)
            return add("kept")(tx)

        heard = bridge.feed.subscribe(["a"])
        task = asyncio.create_task(bridge.write(held))
        await asyncio.to_thread(inside.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await heard.next(20) == {"a": {"Mailbox": 1}}

    run(stores[0], body)
    assert names(stores[0]) == ["kept"]


class Gate(threading.Event):
    """Holds the first body of an account's line until all others wait behind it."""

    async def fill(self, bridge: PooledBridge, *bodies: Callable[[Any], Any]) -> list[Any]:
        """What each of the bodies came to, or its exception."""
        inside = threading.Event()

        def first(_tx: Any) -> None:
            inside.set()
            assert self.wait(20)

        ahead = asyncio.create_task(bridge.write(first, account="a"))
        assert await asyncio.to_thread(inside.wait, 20)
        waiting = [asyncio.create_task(bridge.write(body, account="a")) for body in bodies]
        await asyncio.sleep(0)  # they are in the line
        self.set()
        return (await asyncio.gather(ahead, *waiting, return_exceptions=True))[1:]


@pytest.fixture(autouse=True)
def _hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, what waits for an account goes into one transaction."""
    monkeypatch.setattr("pillarbox.storage.postgresql.group._SECONDS", 60)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process's commits from now on."""
    commit, made = PostgresConnection.commit, list[int]()

    def counting(db: PostgresConnection) -> None:
        made.append(len(made))
        commit(db)

    monkeypatch.setattr(PostgresConnection, "commit", counting)
    return made


def test_bodies_that_wait_for_one_account_share_a_commit_in_their_order(
    stores: list[PostgresStore], commits: list[int]
) -> None:
    order: list[int] = []

    def numbered(n: int) -> Callable[[Any], str]:
        def body(tx: Any) -> str:
            order.append(n)
            return add(f"box {n}")(tx)

        return body

    async def body(bridge: PooledBridge) -> None:
        heard = bridge.feed.subscribe(["a"])
        ids = await Gate().fill(bridge, *[numbered(n) for n in range(10)])
        assert len(set(ids)) == 10
        assert await heard.next(20) == {"a": {"Mailbox": 10}}

    run(stores[0], body)
    assert order == list(range(10))
    assert len(commits) == 1
    assert stores[0].read(lambda view: view.state(MAILBOX, "a")) == 10


def test_a_body_that_fails_among_others_leaves_nothing_and_fails_alone(stores: list[PostgresStore]) -> None:
    def wrong(tx: Any) -> None:
        add("gone")(tx)
        raise invalid("name")

    def broken(tx: Any) -> None:
        add("gone too")(tx)
        raise ZeroDivisionError

    async def body(bridge: PooledBridge) -> None:
        done = await Gate().fill(bridge, wrong, add("one"), broken, add("two"), wrong)
        assert [type(one) for one in done] == [Fault, str, ZeroDivisionError, str, Fault]

    run(stores[0], body)
    assert names(stores[0]) == ["one", "two"]
    assert stores[0].read(lambda view: view.state(MAILBOX, "a")) == 2


def test_a_collision_with_another_node_has_all_bodies_of_a_group_run_again(stores: list[PostgresStore]) -> None:
    runs: list[str] = []

    def disturbed(tx: Any) -> str:
        runs.append("disturbed")
        if len(runs) == 2:  # after `plain`
            other = threading.Thread(target=stores[1].write, args=(add("elsewhere"),))
            other.start()
            other.join(20)
        return add("disturbed")(tx)

    def plain(tx: Any) -> int:
        runs.append("plain")
        tx.get(MAILBOX, "a", "none")  # the snapshot is made here
        return len(runs)

    async def body(bridge: PooledBridge) -> None:
        done = await Gate().fill(bridge, plain, disturbed, add("last"))
        assert done[0] == 3

    run(stores[0], body)
    assert runs == ["plain", "disturbed"] * 2
    assert names(stores[0]) == ["disturbed", "elsewhere", "last"]
    assert stores[0].read(lambda view: view.state(MAILBOX, "a")) == 3


def test_a_group_that_cannot_be_committed_is_told_to_all_of_it(
    stores: list[PostgresStore], postgres: Server, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = PostgresConnection.commit

    def breaking(db: PostgresConnection) -> None:
        postgres.break_connections(postgres_url)
        commit(db)

    async def body(bridge: PooledBridge) -> None:
        with monkeypatch.context() as patch:
            gate = Gate()
            patch.setattr(PostgresConnection, "commit", breaking)
            done = await gate.fill(bridge, *[add(f"box {n}") for n in range(3)])
        assert [one.kind for one in done] == [Kind.UNAVAILABLE] * 3
        assert len({id(one) for one in done}) == 3, "each who waits raises its own"
        assert await bridge.write(add("later"), account="a")

    run(stores[0], body)
    assert names(stores[0]) == ["later"]


def test_a_long_line_is_committed_in_parts(stores: list[PostgresStore], commits: list[int]) -> None:
    async def body(bridge: PooledBridge) -> None:
        await Gate().fill(bridge, *[add(f"box {n}") for n in range(70)])

    run(stores[0], body)
    assert len(names(stores[0])) == 70
    assert len(commits) == 3, "of 32, 32 and 7, with the one ahead"


def test_accounts_do_not_wait_for_each_other(stores: list[PostgresStore]) -> None:
    async def body(bridge: PooledBridge) -> None:
        meeting = threading.Barrier(2)

        def meet(_tx: Any) -> None:
            meeting.wait(20)

        await asyncio.gather(bridge.write(meet, account="a"), bridge.write(meet, account="b"))

    run(stores[0], body)


def test_whoever_waits_in_a_line_may_go_away(stores: list[PostgresStore]) -> None:
    def wrong(_tx: Any) -> None:
        raise invalid("name")

    async def body(bridge: PooledBridge) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def ahead(_tx: Any) -> None:
            inside.set()
            assert go_on.wait(20)

        tasks = [asyncio.create_task(bridge.write(body, account="a")) for body in (ahead, add("kept"), wrong)]
        assert await asyncio.to_thread(inside.wait, 20)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*tasks, return_exceptions=True)
        )
        go_on.set()

    run(stores[0], body)
    assert names(stores[0]) == ["kept"]


async def listening(bridge: PooledBridge) -> "asyncio.Task[None]":
    announcer = Notifications(bridge, bridge.store)
    bridge.announcers.append(announcer)
    task = asyncio.create_task(announcer.run())
    await announcer.listening()
    return task


def test_a_commit_on_one_node_is_heard_on_the_other_and_not_twice_on_its_own(stores: list[PostgresStore]) -> None:
    async def body(one: PooledBridge) -> None:
        two = PooledBridge(stores[1], threads=6)
        tasks = [await listening(bridge) for bridge in (one, two)]
        here, there = one.feed.subscribe(["a"]), two.feed.subscribe(["a"])
        await one.write(add("new"))
        assert await there.next(20) == {"a": {"Mailbox": 1}}
        assert await here.next(20) == {"a": {"Mailbox": 1}}
        await two.write(add("newer"))
        assert await here.next(20) == {"a": {"Mailbox": 2}}, "what came first was its own, once"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await two.close()

    run(stores[0], body)


def test_listening_goes_on_after_the_connection_broke(
    stores: list[PostgresStore], postgres: Server, postgres_url: str
) -> None:
    async def body(one: PooledBridge) -> None:
        two = PooledBridge(stores[1], threads=6)
        task = await listening(two)
        other = await listening(one)
        await asyncio.to_thread(postgres.break_connections, postgres_url)
        there = two.feed.subscribe(["a"])
        while not await there.next(0.2):  # until it listens again; what is told before that is lost, and may be
            await one.write(add(f"box {one.store.ids.new('n')}"))
        task.cancel()
        other.cancel()
        await asyncio.gather(task, other, return_exceptions=True)
        await two.close()

    run(stores[0], body)


def test_what_is_too_long_for_one_note_is_told_in_several() -> None:
    changed = {f"account{n:04}": {"Email": 10**15, "Mailbox": n, "Thread": n} for n in range(500)}
    texts = list(notes("node", changed))
    assert len(texts) > 1
    assert all(len(text.encode()) < MAX_OCTETS for text in texts)
    import json  # noqa: PLC0415

    assert {account: types for text in texts for account, types in json.loads(text)[1].items()} == changed
