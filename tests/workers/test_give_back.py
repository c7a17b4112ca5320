"""Memory is given back when a process has grown, and not again before it has once more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.workers.give_back import GiveBack

MB = 1_000_000


def given(tmp_path: Path, sizes: Sequence[int], unused: int = 0) -> list[int]:
    """At which of these sizes something was given back, where so much of what comes is not in use."""
    store, now, out = EmbeddedStore(tmp_path), [40 * MB], list[int]()

    def give_back() -> None:
        out.append(now[0])
        now[0] -= unused

    async def run() -> None:
        bridge = EmbeddedBridge(store)
        worker = GiveBack(bridge, give_back, lambda: now[0])
        for size in sizes:
            now[0] = size
            await worker.once()
        await bridge.close()

    asyncio.run(run())
    store.close()
    return out


def test_who_has_grown_gives_back_once(tmp_path: Path) -> None:
    sizes = [45 * MB, 56 * MB, 57 * MB, 60 * MB, 73 * MB, 74 * MB, 75 * MB]
    assert given(tmp_path, sizes) == [57 * MB, 74 * MB]


def test_what_was_given_back_counts_as_growth_when_it_comes_again(tmp_path: Path) -> None:
    assert given(tmp_path, [80 * MB, 50 * MB, 80 * MB], unused=30 * MB) == [80 * MB, 80 * MB]


def test_who_shrinks_by_itself_is_measured_from_there(tmp_path: Path) -> None:
    assert given(tmp_path, [80 * MB, 50 * MB, 60 * MB, 70 * MB]) == [80 * MB, 70 * MB]
