"""Looks at the process each second: how late its loop is, what waits, how much memory; at the store when asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from pillarbox.core.metric import REGISTRY, Registry
from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.storage.probe import outbox_size
from pillarbox.workers.observed import DISK_FREE, ONCE, OUTBOX, STORE_OCTETS

_EVERY_SECONDS = 1.0
_FILES = {"database": "pillarbox.sqlite3", "log": "pillarbox.sqlite3-wal"}


class Sampler:
    """One of these per process."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        observed.WORKERS.set(1)
        while True:
            due = loop.time() + _EVERY_SECONDS
            self.look()
            await asyncio.sleep(_EVERY_SECONDS)
            observed.LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))

    def look(self) -> None:
        """Set this process's gauges, and show the others its numbers."""
        observed.POOL_QUEUE.set(self._bridge.pool_queue)
        observed.FEED_SUBSCRIPTIONS.set(self._bridge.feed.subscriptions)
        observed.MEMORY.set(resident_octets())
        for shelf in self._bridge.store.shelves.every:
            observed.CACHE_OCTETS.set(shelf.held, shelf.name)
        REGISTRY.flush()

    async def once(self) -> Registry:
        """The numbers that are the same whichever process is asked."""
        OUTBOX.set(await self._bridge.read(outbox_size))
        folder = self._bridge.store.folder
        for label, name in _FILES.items():
            with contextlib.suppress(FileNotFoundError):  # another engine keeps no file here
                STORE_OCTETS.set((folder / name).stat().st_size, label)
        found = os.statvfs(folder)
        DISK_FREE.set(found.f_bavail * found.f_frsize)
        return ONCE


def resident_octets(statm: Path = Path("/proc/self/statm")) -> int:
    """The memory of this process; 0 where the system does not tell."""
    try:
        pages = int(statm.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
