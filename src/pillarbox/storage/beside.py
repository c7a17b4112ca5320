"""What a transaction writes beside records: blobs, entries of the outbox, memos and tickets."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.core.ids import IdSource
from pillarbox.core.limits import Limits
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.ticket import Ticket
from pillarbox.datatypes.view import Incoming
from pillarbox.storage import blob_row, memo, outbox, ticket, upload
from pillarbox.storage.blob import BlobStore, blob_id
from pillarbox.storage.database import Connection
from pillarbox.storage.snapshot import Snapshot


class Beside(Snapshot):
    """The part of `Transaction` that has no number and no log."""

    def __init__(self, db: Connection, blobs: BlobStore, limits: Limits, clock: Clock, ids: IdSource) -> None:
        super().__init__(db, blobs, limits, clock)
        self.id_source = ids
        self.touched: set[str] = set()  # accounts whose rows may have been waited for
        self._locked: set[str] = set()
        # Blobs that nobody else knows of, with their account, none of them pending: they need not be asked for.
        self._held_blobs: set[tuple[str, str]] = set()

    def lock(self, account: str) -> None:
        """Be the only writer of the account from now on, without taking a number: where writers run side by side."""
        if account not in self._locked:
            self.touched.add(account)
            self._locked.add(account)
            self.db.run("UPDATE account SET modseq = modseq WHERE id = ?", (account,))

    # --- blobs

    def put_blob(self, account: str, data: bytes, *, pending: bool = False) -> str:
        blob = blob_id(data)
        self.touched.add(account)
        if len(data) <= self.limits.blob_inline_octets:
            if not blob_row.add(self, account, blob, len(data), data, is_pending=pending):
                blob_row.want(self, account, blob, is_pending=pending)
            if not pending:
                self._held_blobs.add((account, blob))
        elif not blob_row.renew(self, account, blob, is_pending=pending):
            blob_row.settle(self, blob, lambda *, anew: self.blobs.write(blob, data, anew=anew))
            blob_row.add(self, account, blob, len(data), None, is_pending=pending)
        return blob

    def put_incoming(self, account: str, incoming: Incoming, *, pending: bool = False) -> str:
        self.touched.add(account)
        if not blob_row.renew(self, account, incoming.blob, is_pending=pending):
            blob_row.settle(self, incoming.blob, incoming.store)
            blob_row.add(self, account, incoming.blob, incoming.size, None, is_pending=pending)
        return incoming.blob

    def oldest_pending(self, account: str, limit: int) -> list[tuple[str, int]]:
        return upload.oldest_pending(self.db, account, limit)

    def drop_pending(self, account: str, blobs: Sequence[str]) -> int:
        self.touched.add(account)
        return upload.drop_pending(self.db, account, blobs)

    # --- the outbox

    def add_entry(self, entry: Entry) -> str:
        self.lock(entry.account)
        entry = msgspec.structs.replace(entry, id=entry.id or self.id_source.new("o"))
        outbox.add(self.db, entry)
        return entry.id

    def postpone_entry(self, entry: Entry, due_at: int, body: bytes) -> bool:
        self.lock(entry.account)
        return outbox.postpone(self.db, entry, due_at, body)

    def finish_entry(self, entry: Entry) -> bool:
        self.lock(entry.account)
        self._held_blobs.discard((entry.account, entry.blob))
        return outbox.finish(self.db, entry, self.now_ms)

    # --- memos

    def keep_memo(self, account: str, kind: str, name: str, value: str, expires_at: int) -> None:
        memo.keep(self.db, account, kind, name, value, expires_at)

    def forget_memos(self, account: str, kind: str) -> None:
        memo.forget(self.db, account, kind)

    def drop_expired_memos(self, limit: int) -> int:
        return memo.drop_expired(self.db, self.now_ms, limit)

    # --- tickets

    def add_ticket(self, given: Ticket) -> None:
        ticket.add(self.db, given)

    def drop_expired_tickets(self, account: str) -> int:
        return ticket.drop_expired(self.db, account, self.now_ms)

    def take_ticket(self, account: str, digest: str) -> Ticket | None:
        return ticket.take(self.db, account, digest)
