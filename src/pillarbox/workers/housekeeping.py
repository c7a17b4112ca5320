"""Small work once a minute: forgotten uploads, the last use of app passwords, removed accounts, the checkpoint."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.removal import REMOVAL, Removal
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.registry import TYPES
from pillarbox.net.bridge import Bridge
from pillarbox.services import push_key, suppression
from pillarbox.services.authentication import Authentication
from pillarbox.services.greylisting import Greylisting, forget_old
from pillarbox.services.uploads import FILE_SECONDS, STEP, delete_step, expire_uploads
from pillarbox.storage import blob_sweep, part, purge
from pillarbox.storage.blob import Stored
from pillarbox.storage.removal import remove_step
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.workers import observed

_EVERY_SECONDS = 60
_DAY_MS = 86_400_000
_MEMOS = 500  # that one transaction deletes


class Housekeeping:
    """Runs until it is cancelled; what fails is logged and tried again the next time."""

    def __init__(self, bridge: Bridge, authentication: Authentication, *, for_all: bool = True) -> None:
        """`for_all` in one process of a server; the others do no more than what is their own."""
        self._bridge, self._authentication = bridge, authentication
        own = (self._write_uses,)
        shared = (
            self._expire_uploads,
            self._mark_files,
            self._delete_files,
            self._purge_accounts,
            self._forget_push_keys,
            self._forget_destroyed,
            self._forget_greylist,
            self._forget_memos,
            self._order_parts,
            self._forget_suppressed,
            self._checkpoint,
        )
        self._works = (*own, *shared) if for_all else own
        self._next_keys_ms = self._next_greylist_ms = self._next_suppressed_ms = 0
        self._next_purge_ms = bridge.store.clock.now_ms() + _DAY_MS // 12
        self._next_sweep_ms = bridge.store.clock.now_ms() + _DAY_MS // 24

    async def run(self) -> None:
        """Do it all, again and again."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Do it all once."""
        observed.begin("housekeeping", self._bridge.store.ids)
        for work in self._works:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 -- one task's failure must not end the others
                observed.FAILED.log(error, work=work.__name__.strip("_"))

    async def _write_uses(self) -> None:
        if self._authentication.has_uses:
            uses = self._authentication.take_uses()
            await self._bridge.write(lambda tx: self._authentication.write_uses(tx, uses))

    async def _expire_uploads(self) -> None:
        while await self._bridge.write(expire_uploads, slow=True):
            pass

    async def _mark_files(self) -> None:
        """Once a day, and not at the start, when there is other work."""
        store = self._bridge.store
        now = store.clock.now_ms()
        if now < self._next_sweep_ms:
            return
        self._next_sweep_ms = now + _DAY_MS
        pages = store.blobs.pages()
        while page := await self._bridge.run(next, pages, None):
            await self._mark_page(page, now)

    async def _mark_page(self, page: list[Stored], now_ms: int) -> None:
        before = now_ms / 1000 - FILE_SECONDS
        names = await self._bridge.read(lambda view: blob_sweep.unwanted(view.db, page, before), slow=True)
        if names:
            await self._bridge.write(lambda tx: blob_sweep.mark(tx.db, names, now_ms), slow=True)

    async def _delete_files(self) -> None:
        store, gone, dealt = self._bridge.store, 0, STEP
        now = store.clock.now_ms() / 1000
        while dealt == STEP:
            dealt, deleted = await self._bridge.write(lambda tx: delete_step(tx, store.blobs, now), slow=True)
            gone += deleted
        if gone:
            observed.FILES_SWEPT.log(files=gone)

    async def _purge_accounts(self) -> None:
        def due(view: Snapshot) -> list[Removal]:
            return [r for r in view.all(REMOVAL, DIRECTORY) if r.is_due(view.now_ms)]

        for removal in await self._bridge.read(due):
            while not await self._bridge.write(lambda tx, r=removal: _purge_step(tx, r), slow=True):  # type: ignore[misc]
                pass
            observed.ACCOUNT_PURGED.log(login=removal.name, account=removal.account_id)

    async def _forget_memos(self) -> None:
        while await self._bridge.write(lambda tx: tx.drop_expired_memos(_MEMOS), slow=True) == _MEMOS:
            pass

    async def _order_parts(self) -> None:
        """Parts that an older version has stored elsewhere are brought to where they are kept in order."""
        moved = 0
        while await self._bridge.write(_order_step, slow=True):
            moved += 1
        if moved:
            observed.PARTS_ORDERED.log(steps=moved)

    async def _forget_push_keys(self) -> None:
        """Keys that were replaced go when no subscription is left for which they sign."""
        now = self._bridge.store.clock.now_ms()
        if now < self._next_keys_ms:
            return
        self._next_keys_ms = now + _DAY_MS // 24
        if ids := await self._bridge.read(push_key.unused, slow=True):
            await self._bridge.write(lambda tx: push_key.forget(tx, ids))

    async def _forget_destroyed(self) -> None:
        """Once a day, what was destroyed longer ago than clients are away."""
        store = self._bridge.store
        now, days = store.clock.now_ms(), store.limits.changes_days
        if not days or now < self._next_purge_ms:
            return
        self._next_purge_ms = now + _DAY_MS
        forgotten = 0
        for account in await self._bridge.read(lambda view: purge.accounts(view.db)):
            for kind, before in await self._bridge.read(
                lambda view, a=account: _forgettable(view, a, now - days * _DAY_MS),  # type: ignore[misc]
                slow=True,
            ):
                step = partial(_forget_step, account, kind, before)
                while await self._bridge.write(step, slow=True):
                    pass
                forgotten += 1
        if forgotten:
            observed.CHANGES_FORGOTTEN.log(types=forgotten)

    async def _forget_greylist(self) -> None:
        """Senders that did not come again, or have not come for long."""
        now = self._bridge.store.clock.now_ms()
        if now < self._next_greylist_ms:
            return
        self._next_greylist_ms = now + _DAY_MS // 24
        while await self._bridge.write(lambda tx: forget_old(tx, Greylisting())):
            pass

    async def _forget_suppressed(self) -> None:
        """Addresses that may be written to again."""
        now = self._bridge.store.clock.now_ms()
        if now < self._next_suppressed_ms:
            return
        self._next_suppressed_ms = now + _DAY_MS // 24
        ids = await self._bridge.read(suppression.ended, slow=True)
        for at in range(0, len(ids), _MEMOS):
            page = ids[at : at + _MEMOS]
            await self._bridge.write(lambda tx, page=page: suppression.forget(tx, page), slow=True)  # type: ignore[misc]

    async def _checkpoint(self) -> None:
        await self._bridge.run(self._bridge.store.checkpoint)


def _order_step(tx: Transaction) -> bool:
    account = part.unordered(tx.db)
    if account is not None:
        tx.lock(account)
        part.order_step(tx.db, account)
    return account is not None


def _forgettable(view: Snapshot, account: str, at_ms: int) -> list[tuple[DataType[Any], int]]:
    """The types of which there is something to forget, and up to which number."""
    kinds = [kind for kind in TYPES if kind.directory == (account == DIRECTORY)]
    before = purge.number_at(view.db, account, kinds, at_ms)
    return [(kind, before) for kind in kinds if before and purge.due(view.db, account, kind, before)]


def _forget_step(account: str, kind: DataType[Any], before: int, tx: Transaction) -> bool:
    return purge.step(tx.db, account, kind, before)


def _purge_step(tx: Transaction, removal: Removal) -> bool:
    done = remove_step(tx.db, removal.account_id)
    if done:
        tx.write(REMOVAL, DIRECTORY, removal, None)
    return done
