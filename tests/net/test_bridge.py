"""The bridge: group commit, failing and slow bodies, reads over their budget, the lock of another process."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.sqlite import FileLock
from tests.support.log import Lines


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    store.write(lambda tx: tx.add_account("a"))
    yield store
    store.close()


def run(store: EmbeddedStore, body: Callable[[EmbeddedBridge], Awaitable[None]]) -> None:
    async def main() -> None:
        bridge = EmbeddedBridge(store)
        try:
            async with asyncio.timeout(20):
                await body(bridge)
                await bridge.close()
        finally:
            bridge._pool.shutdown()

    asyncio.run(main())


def add(name: str) -> Callable[[Any], str]:
    def body(tx: Any) -> str:
        id = str(tx.new_id(MAILBOX))
        tx.write(MAILBOX, "a", None, Mailbox(id=id, name=name))
        return id

    return body


def names(store: EmbeddedStore) -> list[str]:
    return sorted(box.name for box in store.read(lambda view: view.all(MAILBOX, "a")))


def count_commits(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    commits: list[str] = []
    append = store.writer.append

    def counted() -> Any:
        commits.append(threading.current_thread().name)
        return append()

    monkeypatch.setattr(store.writer, "append", counted)
    return commits


def test_writes_at_one_time_share_a_commit(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = count_commits(store, monkeypatch)

    async def body(bridge: EmbeddedBridge) -> None:
        ids = await asyncio.gather(*(bridge.write(add(f"n{n:02}")) for n in range(40)))
        assert len(set(ids)) == 40

    run(store, body)
    assert names(store) == [f"n{n:02}" for n in range(40)]
    assert len(commits) < 10


def test_a_failing_body_does_not_fail_the_others(store: EmbeddedStore) -> None:
    def fail(tx: Any) -> None:
        add("half")(tx)
        raise invalid("name")

    async def body(bridge: EmbeddedBridge) -> None:
        results = await asyncio.gather(
            bridge.write(add("one")),
            bridge.write(fail),
            bridge.write(fail, slow=True),
            bridge.write(add("two")),
            return_exceptions=True,
        )
        assert [type(r) for r in results] == [str, Fault, Fault, str]

    run(store, body)
    assert names(store) == ["one", "two"]


def test_bodies_of_one_commit_stand_and_fall_alone_wherever_the_failing_ones_are(store: EmbeddedStore) -> None:
    def fail(tx: Any) -> None:
        add("half")(tx)
        raise invalid("name")

    writer, numbers = store.writer, list[int]()
    for order in ([fail, add("a")], [add("b"), fail, add("c")], [fail, fail, add("d"), fail]):
        writer.begin()
        for body in order:
            with contextlib.suppress(Fault):
                numbers.append(writer.run(lambda tx, body=body: (body(tx), tx.numbers["a"])[1]))  # type: ignore[misc]
        writer.commit()
    assert numbers == [1, 2, 3, 4]
    assert names(store) == ["a", "b", "c", "d"]
    assert store.read(lambda view: view.modseqs(["a"])) == {"a": 4}


def test_a_slow_body_runs_apart_from_the_loop_and_in_its_turn(store: EmbeddedStore) -> None:
    where: list[str] = []

    def slow(tx: Any) -> str:
        where.append(threading.current_thread().name)
        return add("slow")(tx)

    async def body(bridge: EmbeddedBridge) -> None:
        first, second, third = bridge.write(add("before")), bridge.write(slow, slow=True), bridge.write(add("after"))
        await asyncio.gather(first, second, third)
        await asyncio.sleep(0.01)  # a commit that was asked for before the slow body came finds nothing to do
        await bridge.write(add("last"))

    run(store, body)
    assert names(store) == ["after", "before", "last", "slow"]
    assert "commit" in where[0]


def test_an_answer_means_that_others_can_read_it(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        for n in range(5):
            await bridge.write(add(str(n)))
            assert str(n) in names(store)
            assert len(await bridge.read(lambda view: view.all(MAILBOX, "a"))) == n + 1

    run(store, body)


def test_a_read_over_its_budget_moves_to_a_thread(store: EmbeddedStore) -> None:
    where: list[str] = []

    def long(view: Any) -> int:
        where.append(threading.current_thread().name)
        sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT COUNT(*) FROM n"
        return int(view.db.row(sql)[0])

    def hasty(view: Any) -> str:
        where.append(threading.current_thread().name)
        view.take_time()
        return "done"

    async def body(bridge: EmbeddedBridge) -> None:
        assert await bridge.read(long) == 1_000_000
        assert await bridge.read(hasty) == "done"
        assert await bridge.read(hasty, slow=True) == "done"

    run(store, body)
    assert [name == "MainThread" for name in where] == [True, False, True, False, False]


def test_a_write_that_nobody_waits_for_any_more_is_whole_or_not_there(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        tasks = [asyncio.create_task(bridge.write(add(f"n{n}"))) for n in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[1], asyncio.CancelledError)
        assert all(isinstance(results[n], str) for n in (0, 2, 3))
        await bridge.write(add("z"))

    run(store, body)
    assert set(names(store)) >= {"n0", "n2", "n3", "z"}


def test_writes_wait_for_another_process(store: EmbeddedStore) -> None:
    other = FileLock(store.folder / "write.lock")
    other.acquire()

    async def body(bridge: EmbeddedBridge) -> None:
        tasks = [asyncio.create_task(bridge.write(add(name), slow=name == "s")) for name in ("a", "s", "b")]
        await asyncio.sleep(0.02)
        assert not any(task.done() for task in tasks)
        assert await bridge.read(lambda view: view.all(MAILBOX, "a")) == []
        other.release()
        await asyncio.gather(*tasks)

    run(store, body)
    other.close()
    assert names(store) == ["a", "b", "s"]


def test_a_thread_of_this_process_may_write_at_the_same_time(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        ours = [bridge.write(add(f"n{n}")) for n in range(10)]
        theirs = [bridge.run(store.write, add(f"t{n}")) for n in range(10)]
        await asyncio.gather(*ours, *theirs)

    run(store, body)
    assert len(names(store)) == 20


@pytest.mark.parametrize("slow", [False, True])
def test_a_store_that_cannot_be_written_says_so_and_recovers(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    def broken(_sql: str) -> Any:
        raise OSError(28, "No space left on device")

    async def body(bridge: EmbeddedBridge) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(store.writer._db, "run", broken)
            with pytest.raises(Fault) as caught:
                await bridge.write(add("x"), slow=slow)
            assert caught.value.kind is Kind.UNAVAILABLE
        await bridge.write(add("y"), slow=slow)

    run(store, body)
    assert names(store) == ["y"]


def test_a_commit_that_fails_tells_all_who_took_part(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    async def body(bridge: EmbeddedBridge) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("pillarbox.storage.text_index.follow", broken)
            results = await asyncio.gather(bridge.write(add("a")), bridge.write(add("b")), return_exceptions=True)
        assert [r.kind for r in results if isinstance(r, Fault)] == [Kind.UNAVAILABLE] * 2
        await bridge.write(add("c"))

    run(store, body)
    assert names(store) == ["c"]


def test_the_next_commit_is_made_while_the_disk_is_busy_and_nobody_is_told_before(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, may_sync = store.writer.sync, threading.Event()
    syncs: list[int] = []

    def held() -> None:
        may_sync.wait(10)
        syncs.append(len(names(store)))
        sync()

    async def body(bridge: EmbeddedBridge) -> None:
        first = asyncio.ensure_future(bridge.write(add("a")))
        second: asyncio.Future[str] | None = None
        while names(store) != ["a", "b"]:  # the second is committed although the first is not on the disk
            await asyncio.sleep(0.001)
            if names(store) == ["a"] and second is None:
                second = asyncio.ensure_future(bridge.write(add("b")))
        assert not first.done()
        may_sync.set()
        assert second is not None
        await asyncio.gather(first, second)

    monkeypatch.setattr(store.writer, "sync", held)
    run(store, body)
    assert len(syncs) == 2  # what was committed during a sync needs one of its own


def test_a_disk_that_refuses_a_sync_ends_the_process_and_nothing_is_acknowledged(store: EmbeddedStore) -> None:
    async def main() -> None:
        gave_up = asyncio.Event()
        bridge = EmbeddedBridge(store, give_up=gave_up.set)
        log, (end, other) = store.writer._log, os.pipe()  # a pipe cannot be synced
        store.writer._log = end
        writing = asyncio.ensure_future(bridge.write(add("a")))
        async with asyncio.timeout(20):
            await gave_up.wait()
        assert not writing.done()
        writing.cancel()
        store.writer._log = log
        os.close(end)
        os.close(other)
        bridge._pool.shutdown()

    asyncio.run(main())


def test_who_listens_is_told_once_it_is_on_the_disk(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        mine, other = bridge.feed.subscribe(["a"]), bridge.feed.subscribe(["b"])
        await bridge.write(add("x"))
        changed = await mine.next(5)
        assert changed == {"a": {"Mailbox": store.read(lambda view: view.state(MAILBOX, "a"))}}
        assert await other.next(0.001) == {}

    run(store, body)


class Notebook:
    """An announcer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, changed: Any) -> None:
        self.told.append(changed)

    async def run(self) -> None:
        """Nobody else tells anything."""


def test_a_commit_is_told_here_and_to_other_processes(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        here: list[Any] = []
        store.listeners.append(here.append)
        bridge.announcers.append(notebook := Notebook())
        subscription = bridge.feed.subscribe(["a"])
        await bridge.write(add("n"))
        assert await subscription.next(5)
        assert [set(changed) for changed in here] == [{"a"}]
        assert notebook.told == here

    run(store, body)


def test_what_others_committed_is_told_here_and_not_told_on(store: EmbeddedStore) -> None:
    async def body(bridge: EmbeddedBridge) -> None:
        here: list[Any] = []
        store.listeners.append(here.append)
        bridge.announcers.append(notebook := Notebook())
        subscription = bridge.feed.subscribe(["a"])
        bridge.heard({"a": {"Mailbox": 7}})
        assert await subscription.next(5) == {"a": {"Mailbox": 7}}
        assert here == [{"a": {"Mailbox": 7}}]
        assert notebook.told == []

    run(store, body)


def test_a_checkpoint_that_fails_is_told_and_tried_again(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.storage.embedded_writer._LONG_LOG", 0)
    monkeypatch.setattr("pillarbox.net.embedded_bridge._CHECKPOINT_PAUSE", 1)
    path = store.path

    async def body(bridge: EmbeddedBridge) -> None:
        store.path = path.with_name("nowhere") / path.name  # what is not there cannot be opened
        await bridge.write(add("one"))
        bridge._pool.shutdown(wait=True)
        assert not store.writer.restart_log
        store.path = path
        bridge._checkpoint()
        assert store.writer.restart_log

    with Lines() as lines:
        run(store, body)
    told = [line for line in lines.all() if line["event"] == "store.checkpoint_failed"]
    assert len(told) == 1
    assert "CantOpenError" in told[0]["exception"]
    assert names(store) == ["one"]
