"""Logins looked at again: one look for all who ask, never older than the question, and never waited for without end."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.faults import Fault, Kind
from pillarbox.net.bridge import Bridge
from pillarbox.net.recheck import Rechecks
from pillarbox.storage.store import Store
from tests.support.engine import ENGINES, open_engine, opener


class Login:
    """It is due until a look that began after the last change has ended."""

    def __init__(self) -> None:
        self.version, self.seen = 1, 0


class Judge:
    """Notes the version of a login at the beginning of a look, once it may go on."""

    def __init__(self) -> None:
        self.looks = 0
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.ended = threading.Semaphore(0)
        self.go_on.set()
        self.trouble: Exception | None = None

    def is_due(self, held: Login) -> bool:
        return held.seen < held.version

    def look_again(self, view: Any, held: Login) -> bool:
        self.looks += 1
        version = held.version
        self.inside.set()
        assert self.go_on.wait(20)
        if self.trouble is not None:
            raise self.trouble
        held.seen = version
        self.ended.release()
        return True


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with opener(request, tmp_path) as found:
        yield found()


@pytest.fixture
def remote(postgres_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store whose looks are in threads, so that they can hang."""
    store = open_engine(tmp_path / "data", postgres_url)
    yield store
    store.close()


def run(store: Store, body: Callable[[Bridge], Awaitable[None]]) -> None:
    async def main() -> None:
        bridge = bridge_to(store)
        try:
            async with asyncio.timeout(30):
                await body(bridge)
        finally:
            await bridge.close()

    asyncio.run(main())


def test_all_who_ask_share_a_look_and_nobody_looks_without_need(store: Store) -> None:
    async def body(bridge: Bridge) -> None:
        judge, held = Judge(), Login()
        rechecks = Rechecks(bridge, judge)
        await asyncio.gather(*[rechecks.settle(held) for _ in range(5)])
        assert (judge.looks, held.seen) == (1, 1)
        await rechecks.settle(held)
        assert judge.looks == 1

    run(store, body)


def test_logins_are_looked_at_each_for_itself(store: Store) -> None:
    async def body(bridge: Bridge) -> None:
        judge, logins = Judge(), [Login(), Login()]
        rechecks = Rechecks(bridge, judge)
        await asyncio.gather(*[rechecks.settle(held) for held in logins])
        assert (judge.looks, [held.seen for held in logins]) == (2, [1, 1])

    run(store, body)


@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.FAILED])
def test_a_look_that_fails_changes_nothing_and_the_next_asks_again(store: Store, kind: Kind) -> None:
    async def body(bridge: Bridge) -> None:
        judge, held = Judge(), Login()
        rechecks = Rechecks(bridge, judge)
        judge.trouble = Fault(kind, "no answer")
        await rechecks.settle(held)
        assert (judge.looks, held.seen) == (1, 0)
        judge.trouble = None
        await rechecks.settle(held)
        assert (judge.looks, held.seen) == (2, 1)

    run(store, body)


def test_who_asks_after_a_change_is_not_content_with_a_look_that_began_before_it(remote: Store) -> None:
    async def body(bridge: Bridge) -> None:
        judge, held = Judge(), Login()
        judge.go_on.clear()
        rechecks = Rechecks(bridge, judge, patience=20)
        first = asyncio.create_task(rechecks.settle(held))
        await asyncio.to_thread(judge.inside.wait, 20)
        held.version = 2
        second = asyncio.create_task(rechecks.settle(held))
        await asyncio.sleep(0)  # it has joined the look
        judge.go_on.set()
        await asyncio.gather(first, second)
        assert (judge.looks, held.seen) == (2, 2)

    run(remote, body)


def test_a_look_that_hangs_is_waited_for_once_and_its_outcome_is_noted_when_it_comes(remote: Store) -> None:
    async def body(bridge: Bridge) -> None:
        judge, held, other = Judge(), Login(), Login()
        judge.go_on.clear()
        rechecks = Rechecks(bridge, judge, patience=0.01)
        await rechecks.settle(held)
        late = asyncio.create_task(rechecks.settle(held))
        await asyncio.sleep(0)  # one turn of the loop: it waits for nothing
        assert late.done()
        await rechecks.settle(other)
        assert (held.seen, other.seen) == (0, 0)
        judge.go_on.set()
        for _ in range(2):
            assert await asyncio.to_thread(judge.ended.acquire, timeout=20)
        assert (judge.looks, held.seen, other.seen) == (2, 1, 1)

    run(remote, body)
