"""Syncs beside commits: one for all that came during the last, and nobody is told before, or of a disk that refuses."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from pillarbox.net.syncer import Syncer


class Disk:
    """Takes what was written when it is told to."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.count = 0
        self.fails = False
        self.settled: list[str] = []
        self.given_up = 0

    def sync(self) -> None:
        self.begun.release()
        self.may_end.acquire()
        self.count += 1
        if self.fails:
            raise OSError(5, "Input/output error")

    def give_up(self) -> None:
        self.given_up += 1


def play(body: Callable[[Disk, Syncer[str]], Any]) -> Disk:
    disk = Disk()

    async def main() -> None:
        syncer = Syncer(disk.sync, disk.settled.append, disk.give_up)
        async with asyncio.timeout(20):
            await body(disk, syncer)
        syncer.close()

    asyncio.run(main())
    return disk


async def begun(disk: Disk) -> None:
    await asyncio.get_running_loop().run_in_executor(None, disk.begun.acquire)


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 -- turns of the loop, no time
        await asyncio.sleep(0)


def test_what_comes_during_a_sync_waits_for_the_next_and_shares_it() -> None:
    async def body(disk: Disk, syncer: Syncer[str]) -> None:
        syncer.add("a")
        await begun(disk)
        syncer.add("b")
        syncer.add("c")
        assert disk.settled == []
        disk.may_end.release()
        await until(lambda: bool(disk.settled))
        assert disk.settled == ["a"]
        assert not syncer.is_idle
        disk.may_end.release()
        await until(lambda: syncer.is_idle)

    disk = play(body)
    assert disk.settled == ["a", "b", "c"]
    assert disk.count == 2


def test_nobody_is_told_of_a_sync_that_failed_or_of_what_waits_behind_it() -> None:
    async def body(disk: Disk, syncer: Syncer[str]) -> None:
        disk.fails = True
        syncer.add("a")
        syncer.add("b")
        disk.may_end.release()
        await until(lambda: disk.given_up > 0)
        await asyncio.sleep(0)

    disk = play(body)
    assert (disk.settled, disk.given_up, disk.count) == ([], 1, 1)


def test_a_syncer_that_was_never_needed_ends_as_well() -> None:
    async def body(_disk: Disk, syncer: Syncer[str]) -> None:
        assert syncer.is_idle

    assert play(body).count == 0
