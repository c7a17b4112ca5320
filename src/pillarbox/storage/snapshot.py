"""A consistent reading of the store through one connection: the `View` that rules and services work with."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

from pillarbox.core.clock import Clock
from pillarbox.core.limits import Limits
from pillarbox.datatypes.condition import Condition, Order
from pillarbox.datatypes.declare import DataType, Record
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.membership import Container, MemberChanges, Membership
from pillarbox.datatypes.outbox import Entry
from pillarbox.datatypes.remembered import Draft
from pillarbox.storage import blob_reference, change, membership, memo, outbox, pending, ticket, upload
from pillarbox.storage import container as containers
from pillarbox.storage import part as fixed_part
from pillarbox.storage.blob import BlobStore, blob_id
from pillarbox.storage.chunk import chunks
from pillarbox.storage.database import BudgetExceeded, Connection
from pillarbox.storage.memory import Recollection
from pillarbox.storage.result_cache import ResultCache
from pillarbox.storage.select import Selection

R = TypeVar("R", bound=Record)
_LIVE = {False: "= 0", True: "<> 1"}  # hidden records too


class Snapshot:
    """Reads what was committed when its transaction began. See `datatypes.view.View` for what each method means."""

    def __init__(
        self, db: Connection, blobs: BlobStore, limits: Limits, clock: Clock, cache: ResultCache[str] | None = None
    ) -> None:
        self.db, self.blobs, self.limits, self.clock = db, blobs, limits, clock
        self.cache = cache
        self.drafts: dict[Hashable, Draft] | None = None
        self.hurried = False
        self._states: dict[tuple[str, str], int] = {}
        self.recollection: Recollection | None = None  # where reading costs more than asking whether it is needed

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def take_time(self) -> None:
        if self.hurried:
            raise BudgetExceeded

    def before_reading(self, kind: DataType[R], account: str) -> None:
        """A transaction writes here what it has put off."""

    def before_reading_containers(self) -> None:
        """The same for the numbers of containers."""

    def get(self, kind: DataType[R], account: str, id: str, *, with_deleted: bool = False) -> R | None:
        if self.recollection is not None and not with_deleted:
            return self.get_many(kind, account, [id]).get(id)
        live = _LIVE[with_deleted]
        sql = f"SELECT body FROM record WHERE account = ? AND type = ? AND id = ? AND destroyed {live}"
        row = self.db.row(sql, (account, kind.name, id))
        return kind.decoder.decode(row[0]) if row else None  # type: ignore[arg-type]

    def get_many(self, kind: DataType[R], account: str, ids: Iterable[str]) -> dict[str, R]:
        decode = kind.decoder.decode
        return {id: decode(body) for id, (body, _) in self.bodies(kind, account, list(ids)).items()}

    def get_with_deleted(self, kind: DataType[R], account: str, ids: Iterable[str]) -> dict[str, R]:
        decode = kind.decoder.decode
        found = self.bodies(kind, account, list(ids), with_deleted=True)
        return {id: decode(body) for id, (body, _) in found.items()}

    def all(self, kind: DataType[R], account: str) -> list[R]:
        self.before_reading(kind, account)
        rows = self.db.rows(
            "SELECT body FROM record WHERE account = ? AND type = ? AND destroyed = 0 ORDER BY id", (account, kind.name)
        )
        return [kind.decoder.decode(body) for (body,) in rows]  # type: ignore[arg-type]

    def ids(self, kind: DataType[R], account: str, limit: int) -> list[str]:
        sql = "SELECT id FROM record WHERE account = ? AND type = ? AND destroyed = 0 ORDER BY id LIMIT ?"
        return [id for (id,) in self.db.rows(sql, (account, kind.name, limit))]  # type: ignore[misc]

    def bodies(
        self,
        kind: DataType[R],
        account: str,
        ids: Sequence[str],
        part: str | None = None,
        *,
        with_deleted: bool = False,
    ) -> dict[str, tuple[bytes, bytes | None]]:
        self.before_reading(kind, account)
        if with_deleted:
            return self._bodies(kind, account, ids, part, _LIVE[True])
        memory = self.recollection if part is None else None
        known = memory.bodies(account, kind.name, ids) if memory is not None else {}
        if known:
            ids = [id for id in ids if id not in known]
        out = self._bodies(kind, account, ids, part, _LIVE[False])
        if memory is not None:
            memory.put_bodies(account, kind.name, {id: body for id, (body, _) in out.items()})
        out.update((id, (body, None)) for id, body in known.items())
        return out

    def _bodies(
        self, kind: DataType[R], account: str, ids: Sequence[str], part: str | None, live: str
    ) -> dict[str, tuple[bytes, bytes | None]]:
        out: dict[str, tuple[bytes, bytes | None]] = {}
        for marks, values in chunks(ids):
            if part is None:
                what = "SELECT id, body, NULL FROM record"
                sql = f"{what} WHERE account = ? AND type = ? AND id IN ({marks}) AND destroyed {live}"
                rows = self.db.rows(sql, (account, kind.name, *values))
            else:
                sql = (
                    "SELECT r.id, r.body, p.body FROM record r LEFT JOIN part p"
                    " ON p.account = r.account AND p.type = r.type AND p.id = r.id AND p.name = ?"
                    f" WHERE r.account = ? AND r.type = ? AND r.id IN ({marks}) AND r.destroyed {live}"
                )
                rows = self.db.rows(sql, (part, account, kind.name, *values))
            for id, body, more in rows:
                out[id] = (body, more)  # type: ignore[index,assignment]
        return out

    def parts(self, kind: DataType[R], account: str, ids: Sequence[str], part: str) -> dict[str, bytes]:
        return fixed_part.read(self.db, account, kind.name, ids, part, is_ordered=part in kind.ordered_parts)

    def find(self, kind: DataType[R], account: str, property: str, values: Sequence[str]) -> list[tuple[str, str]]:
        if kind.properties[property].is_marked(Mark.BLOB):
            return blob_reference.find(self.db, account, kind.name, values)
        out: list[tuple[str, str]] = []
        for marks, wanted in chunks(values):
            sql = (
                f"SELECT value, item FROM lookup WHERE account = ? AND type = ? AND property = ? AND value IN ({marks})"
            )
            out += self.db.rows(sql, (account, kind.name, property, *wanted))  # type: ignore[arg-type]
        return out

    def state(self, kind: DataType[R], account: str) -> int:
        key = (account, kind.name)
        found = self._states.get(key)
        if found is None:
            self.before_reading(kind, account)
            found = self._read_state(kind.name, account)
            if self.cache is not None:  # nothing changes under a snapshot; in a transaction everything may
                self._states[key] = found
        return found

    def is_settled(self, kind: DataType[R], account: str, since: int) -> bool:
        self.before_reading(kind, account)
        return change.is_settled(self.db, account, kind.name, since)

    def _read_state(self, type: str, account: str) -> int:
        found = self.recollection.state(account, type) if self.recollection is not None else None
        if found is None:
            found = change.bounds(self.db, account, type)[1]
            if self.recollection is not None:
                self.recollection.put_state(account, type, found)
        return found

    def modseqs(self, accounts: Iterable[str]) -> dict[str, int]:
        """The last numbers of these accounts, of those that exist: whose has not moved has not changed at all."""
        out: dict[str, int] = {}
        for marks, values in chunks(sorted(accounts)):
            out.update(self.db.rows(f"SELECT id, modseq FROM account WHERE id IN ({marks})", values))  # type: ignore[arg-type]
        return out

    def changes(self, kind: DataType[R], account: str, since: str, limit: int) -> change.Changes:
        """A page of what changed since a state (RFC 8620 §5.2)."""
        self.before_reading(kind, account)
        return change.changes(self.db, account, kind.name, since, limit)

    def select(
        self,
        kind: DataType[R],
        account: str,
        where: Condition | None,
        order: Sequence[Order],
        limit: int | None = None,
    ) -> list[tuple[str, str]]:
        self.before_reading(kind, account)
        return Selection(self, kind, account).run(where, order, limit)

    def select_members(
        self, kind: DataType[R], account: str, container: str, where: Condition | None
    ) -> list[tuple[int, str]]:
        return Selection(self, kind, account).members(container, self._refined(kind, account, container, where))

    def select_uids(self, kind: DataType[R], account: str, container: str, where: Condition | None) -> list[int]:
        return Selection(self, kind, account).uids(container, self._refined(kind, account, container, where))

    def _refined(self, kind: DataType[R], account: str, container: str, where: Condition | None) -> Condition | None:
        self.before_reading(kind, account)
        return kind.rules.refine(self, account, where, container) if where is not None else None

    def member_ids(self, kind: DataType[R], account: str, container: str, limit: int | None = None) -> list[str]:
        live = "SELECT item FROM member WHERE account = ? AND container = ? AND removed = 0"
        sql = f"{live} ORDER BY sort_key, item LIMIT ?"
        return [id for (id,) in self.db.rows(sql, (account, container, -1 if limit is None else limit))]  # type: ignore[misc]

    def uids(self, account: str, container: str) -> list[int]:
        return membership.uids(self.db, account, container)

    def memberships(
        self,
        account: str,
        container: str,
        first: int = 1,
        last: int | None = None,
        *,
        since: int = 0,
        limit: int | None = None,
    ) -> list[Membership]:
        self.before_reading_containers()
        return membership.memberships(self.db, account, container, membership.Span(first, last, since, limit))

    def members(
        self, kind: DataType[R], account: str, container: str, first: int, last: int
    ) -> list[tuple[Membership, R]]:
        self.before_reading(kind, account)
        decode, span = kind.decoder.decode, membership.Span(first, last)
        rows = membership.with_bodies(self.db, account, container, kind.name, span)
        return [(row, decode(body)) for row, body in rows]

    def flags(
        self, account: str, container: str, first: int = 1, last: int | None = None, *, since: int = 0
    ) -> list[tuple[int, int, str, bool]]:
        self.before_reading_containers()
        return membership.flags(self.db, account, container, membership.Span(first, last, since))

    def listed(self, account: str, container: str, first: int, last: int) -> list[tuple[int, str, int, int]]:
        return membership.listed(self.db, account, container, membership.Span(first, last))

    def memberships_of(self, account: str, container: str, uids: Sequence[int]) -> list[Membership]:
        return membership.memberships_of(self.db, account, container, uids)

    def uids_of(self, account: str, container: str, items: Sequence[str]) -> dict[str, int]:
        return membership.uids_of(self.db, account, container, items)

    def member_totals(self, account: str, container: str) -> tuple[int, int, int, int, int]:
        return membership.totals(self.db, account, container)

    def removed_uids(self, account: str, container: str, since: int) -> list[int]:
        return membership.removed_uids(self.db, account, container, since)

    def changed_members(self, account: str, container: str, since: int) -> MemberChanges | None:
        return membership.changed(self.db, account, container, since)

    def known_since(self, account: str) -> int:
        return membership.known_since(self.db, account)

    def container(self, account: str, container: str) -> Container:
        self.before_reading_containers()
        return containers.container(self.db, account, container)

    def containers(self, account: str, ids: Sequence[str]) -> dict[str, Container]:
        self.before_reading_containers()
        return containers.containers(self.db, account, ids)

    def blob_size(self, account: str, blob: str) -> int | None:
        row = self.db.row("SELECT size FROM blob WHERE account = ? AND id = ?", (account, blob))
        return int(str(row[0])) if row else None

    def outside_size(self, account: str, blob: str) -> int | None:
        row = self.db.row("SELECT size FROM blob WHERE account = ? AND id = ? AND data IS NULL", (account, blob))
        return int(str(row[0])) if row else None

    def read_blob(self, account: str, blob: str) -> bytes | None:
        row = self.db.row("SELECT size, data FROM blob WHERE account = ? AND id = ?", (account, blob))
        if row is None:
            return None
        data: Any = row[1]
        if data is not None:
            return bytes(data)
        self.take_time()
        return self.blobs.read(blob)

    def read_blob_range(self, account: str, blob: str, start: int, end: int) -> bytes | None:
        row = self.db.row("SELECT size, data FROM blob WHERE account = ? AND id = ?", (account, blob))
        if row is None:
            return None
        data: Any = row[1]
        if data is not None:
            return bytes(data)[start:end]
        self.take_time()
        return self.blobs.read_range(blob, start, end)

    def small_blobs(self, account: str, blobs: Sequence[str]) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        for marks, values in chunks(blobs):
            sql = f"SELECT id, data FROM blob WHERE account = ? AND id IN ({marks}) AND data IS NOT NULL"
            out.update(self.db.rows(sql, (account, *values)))  # type: ignore[arg-type]
        return out

    def write_ahead(self, data: bytes) -> None:
        if len(data) > self.limits.blob_inline_octets:
            self.take_time()
            self.blobs.write(blob_id(data), data)

    def blob_references(self, account: str, blob: str) -> list[tuple[str, str]]:
        """(type, id) of the live records that hold the blob, or of which it is a part (RFC 9404 §4.3)."""
        return blob_reference.shown(self.db, account, blob_reference.stored_id(blob))

    def due_entries(self, kind: str, limit: int) -> list[Entry]:
        return outbox.due(self.db, kind, self.now_ms, limit)

    def next_entry_at(self, kind: str) -> int | None:
        return outbox.next_due(self.db, kind)

    def entries_of(self, account: str, item: str) -> list[Entry]:
        return outbox.of_item(self.db, account, item)

    def pending_use(self, account: str) -> tuple[int, int]:
        return pending.use(self.db, account)

    def expired_blobs(self, before_ms: int, limit: int) -> list[tuple[str, str]]:
        return upload.expired(self.db, before_ms, limit)

    # --- memos

    def recall(self, account: str, kind: str, name: str) -> str | None:
        return memo.find(self.db, account, kind, name, self.now_ms)

    # --- tickets

    def has_ticket(self, account: str, digest: str) -> bool:
        return ticket.exists(self.db, account, digest)
