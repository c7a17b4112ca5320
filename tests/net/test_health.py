"""Whether the process can serve: what is tried, how often, and what it says."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.net import health as module
from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.net.health import Health
from pillarbox.storage.embedded import EmbeddedStore


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    store.write(lambda tx: tx.add_account(DIRECTORY))
    yield store
    store.close()


def run(store: EmbeddedStore, body: Callable[[Health, Time, EmbeddedBridge], Awaitable[None]], floor: int = 0) -> None:
    async def main() -> None:
        bridge, time = EmbeddedBridge(store), Time()
        try:
            await body(Health(bridge, floor, time), time, bridge)
        finally:
            await bridge.close()

    asyncio.run(main())


def test_a_server_that_reads_and_writes_is_ready(store: EmbeddedStore) -> None:
    async def body(health: Health, _time: Time, _bridge: EmbeddedBridge) -> None:
        assert await health.is_ready()
        health.is_stopping = True
        assert not await health.is_ready()
        assert (await health.checks())["running"] == "stopping"

    run(store, body)


def test_a_store_that_cannot_be_written_is_not_ready_until_it_can(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = store.writer._db.run

    def full(sql: str, values: Any = ()) -> None:
        if sql == "COMMIT":
            raise OSError(28, "No space left on device")
        commit(sql, values)

    async def body(health: Health, time: Time, _bridge: EmbeddedBridge) -> None:
        monkeypatch.setattr(store.writer._db, "run", full)
        assert (await health.checks())["store"] == "cannot be written (Fault)"
        monkeypatch.setattr(store.writer._db, "run", commit)
        assert not await health.is_ready()  # what was seen is remembered
        time.now += 5
        assert await health.is_ready()

    run(store, body)


def test_many_who_ask_cost_one_commit_every_five_seconds(store: EmbeddedStore) -> None:
    async def body(health: Health, time: Time, _bridge: EmbeddedBridge) -> None:
        before = store.writer._db.log_pages
        await asyncio.gather(*(health.checks() for _ in range(50)))
        for _ in range(50):
            await health.checks()
        once = store.writer._db.log_pages - before
        assert once > 0
        time.now += 5
        await health.checks()
        assert store.writer._db.log_pages - before == 2 * once

    run(store, body)


def test_a_write_that_takes_for_ever_is_not_waited_for(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)

    async def body(health: Health, time: Time, bridge: EmbeddedBridge) -> None:
        lock = asyncio.Event()
        write = bridge.write

        async def waits(*arguments: Any, **more: Any) -> Any:
            await lock.wait()
            return await write(*arguments, **more)

        monkeypatch.setattr(bridge, "write", waits)
        assert "no answer" in (await health.checks())["store"]
        time.now += 60
        assert "no answer" in (await health.checks())["store"]  # the same write is still waited for, not another
        lock.set()
        await asyncio.sleep(0)
        monkeypatch.setattr(module, "_PATIENCE_SECONDS", 5)
        assert await health.is_ready()

    run(store, body)


def test_a_disk_that_is_nearly_full_is_not_ready(store: EmbeddedStore) -> None:
    async def body(health: Health, _time: Time, _bridge: EmbeddedBridge) -> None:
        checks = await health.checks()
        assert checks["store"] == "ok"
        assert checks["disk"].startswith("only ")

    run(store, body, floor=2**62)
