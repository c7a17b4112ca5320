"""The bridge to PostgreSQL and the notices between nodes: threads for each kind of work, changes heard by all."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, invalid
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.net.notify import Notifications, notes
from pillarbox.net.pooled_bridge import PooledBridge
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
