"""Announcements between processes: two bridges stand for two processes; a busy one is told later, all in one."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.net.datagram import Datagrams, Mailboxes
from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.storage.embedded import EmbeddedStore

Body = Callable[[Datagrams, Datagrams, list[Any]], Awaitable[None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    yield store
    store.close()


def run(store: EmbeddedStore, body: Body) -> None:
    async def main() -> None:
        heard: list[Any] = []
        bridge, mailboxes = EmbeddedBridge(store), Mailboxes(3)
        store.listeners.append(heard.append)
        one, other = (Datagrams(bridge, mailboxes, seat) for seat in (0, 1))
        task = asyncio.create_task(other.run())
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(20):
                await body(one, other, heard)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await bridge.close()
            mailboxes.close()

    asyncio.run(main())


def test_a_note_arrives_once_at_who_reads_and_nowhere_else(store: EmbeddedStore) -> None:
    async def body(one: Datagrams, other: Datagrams, heard: list[Any]) -> None:
        one.tell({"a": {"Mailbox": 7}})
        while not heard:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)
        other.tell({"a": {"Mailbox": 8}})  # nobody reads in the other seats: nothing waits for them
        assert heard == [{"a": {"Mailbox": 7}}]
        assert all(not peer._pending and peer._timer is None for peer in other._peers.values())

    run(store, body)


def test_more_notes_than_the_socket_takes_arrive_in_fewer(store: EmbeddedStore) -> None:
    async def body(one: Datagrams, _: Datagrams, heard: list[Any]) -> None:
        numbers: dict[str, int] = {}
        for n in range(3000):  # without a turn of the loop: the reader is busy
            one.tell({f"a{n % 50}": {"Email": n}})
        while len(numbers) < 50 or min(numbers.values()) < 2950:
            await asyncio.sleep(0)
            for changed in heard:
                numbers.update({account: max(numbers.get(account, 0), t["Email"]) for account, t in changed.items()})
        assert len(heard) < 3000

    run(store, body)


def test_a_commit_of_many_accounts_goes_in_pieces(store: EmbeddedStore) -> None:
    async def body(one: Datagrams, _: Datagrams, heard: list[Any]) -> None:
        one.tell({f"a{n}": {"Email": n} for n in range(1200)})
        while sum(map(len, heard)) < 1200:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)
        assert [len(changed) for changed in heard] == [500, 500, 200]

    run(store, body)
