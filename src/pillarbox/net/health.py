"""Whether this process can serve: the store is read and written, the disk has room, nobody has said stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.storage.probe import read_probe, write_probe

_EVERY_SECONDS = 5.0  # a write costs a sync of the disk, however often somebody asks
_PATIENCE_SECONDS = 5.0
FINE = "ok"


class Health:
    """Looks when it is asked, and remembers what it saw for a few seconds."""

    def __init__(self, bridge: Bridge, min_free_octets: int, now: Callable[[], float] | None = None) -> None:
        """`now` tells seconds that never go back; the loop's own time when it is not given."""
        self._bridge, self._min_free_octets, self._now = bridge, min_free_octets, now
        self._looked_at = -_EVERY_SECONDS
        self._store = FINE
        self._looking: asyncio.Task[str] | None = None
        self.is_stopping = False

    async def checks(self) -> dict[str, str]:
        """Each thing that must be well, with `ok` or what is wrong."""
        return {
            "running": "stopping" if self.is_stopping else FINE,
            "store": await self._look_at_store(),
            "disk": self._look_at_disk(),
        }

    async def is_ready(self) -> bool:
        """Whether everything is well."""
        return all(found == FINE for found in (await self.checks()).values())

    async def _look_at_store(self) -> str:
        """One look serves all who ask at once; one that takes too long is waited for no longer, and goes on."""
        now = self._now() if self._now is not None else asyncio.get_running_loop().time()
        if self._looking is None:
            if now - self._looked_at < _EVERY_SECONDS:
                return self._store
            self._looking = asyncio.create_task(self._try_store())
            self._looked_at = now
        try:
            self._store = await asyncio.wait_for(asyncio.shield(self._looking), _PATIENCE_SECONDS)
        except TimeoutError:
            return f"no answer for {_PATIENCE_SECONDS:.0f} seconds"
        self._looking = None
        return self._store

    async def _try_store(self) -> str:
        try:
            await self._bridge.read(read_probe)
        except Exception as error:  # noqa: BLE001 -- whatever it is: the store cannot be read
            observed.NOT_READY.log(error, check="read")
            return f"cannot be read ({type(error).__name__})"
        try:
            await self._bridge.write(write_probe)
        except Exception as error:  # noqa: BLE001 -- whatever it is: the store cannot be written
            observed.NOT_READY.log(error, check="write")
            return f"cannot be written ({type(error).__name__})"
        return FINE

    def _look_at_disk(self) -> str:
        try:
            found = os.statvfs(self._bridge.store.folder)
        except OSError as error:
            return f"cannot be looked at ({type(error).__name__})"
        free = found.f_bavail * found.f_frsize
        return FINE if free >= self._min_free_octets else f"only {free} octets are free"
