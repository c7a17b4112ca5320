"""Small work once a minute: forgotten uploads, the last use of app passwords, removed accounts, the checkpoint."""

from __future__ import annotations

import asyncio
import logging

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.removal import REMOVAL, Removal
from pillarbox.net.bridge import Bridge
from pillarbox.services.authentication import Authentication
from pillarbox.storage import upload
from pillarbox.storage.removal import remove_step
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

_log = logging.getLogger("pillarbox.housekeeping")
_EVERY_SECONDS = 60
_UPLOADS = 500


class Housekeeping:
    """Runs until it is cancelled; what fails is logged and tried again the next time."""

    def __init__(self, bridge: Bridge, authentication: Authentication) -> None:
        self._bridge, self._authentication = bridge, authentication

    async def run(self) -> None:
        """Do it all, again and again."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Do it all once."""
        for work in (self._write_uses, self._expire_uploads, self._purge_accounts, self._checkpoint):
            try:
                await work()
            except Exception:  # noqa: BLE001 -- one task's failure must not end the others
                _log.exception("%s failed", work.__name__.strip("_"))

    async def _write_uses(self) -> None:
        if self._authentication.has_uses:
            await self._bridge.write(self._authentication.write_uses)

    async def _expire_uploads(self) -> None:
        before = self._bridge.store.clock.now_ms() - self._bridge.store.limits.upload_seconds * 1_000

        def some(tx: Transaction) -> int:
            found = upload.expired(tx.db, before, _UPLOADS)
            return sum(upload.drop_pending(tx.db, account, [blob]) for account, blob in found)

        while await self._bridge.read(lambda view: upload.expired(view.db, before, 1)):
            if not await self._bridge.write(some, slow=True):
                return

    async def _purge_accounts(self) -> None:
        def due(view: Snapshot) -> list[Removal]:
            return [r for r in view.all(REMOVAL, DIRECTORY) if r.is_due(view.now_ms)]

        for removal in await self._bridge.read(due):
            while not await self._bridge.write(lambda tx, r=removal: _purge_step(tx, r), slow=True):  # type: ignore[misc]
                pass
            _log.info("the data of %s (%s) is deleted", removal.name, removal.account_id)

    async def _checkpoint(self) -> None:
        await self._bridge.run(self._bridge.store.checkpoint)


def _purge_step(tx: Transaction, removal: Removal) -> bool:
    done = remove_step(tx.db, removal.account_id)
    if done:
        tx.write(REMOVAL, DIRECTORY, removal, None)
    return done
