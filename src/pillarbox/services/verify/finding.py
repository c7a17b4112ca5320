"""What a check says, and what every part of it works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pillarbox.datatypes.declare import DataType
from pillarbox.storage import verify as rows
from pillarbox.storage.record import decoded
from pillarbox.storage.snapshot import Snapshot

CHUNK = 200  # records in memory
LIMIT = 1_000  # findings of one kind in one account


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: which rule is broken, where, and how."""

    rule: str
    account: str
    type: str
    id: str
    detail: str


class Ground(msgspec.Struct, frozen=True):
    """One account as a check sees it."""

    view: Snapshot
    account: str
    modseq: int
    types: tuple[DataType[Any], ...]
    quick: bool  # without reading every octet
    outside: Mapping[str, int] | None = None  # the sizes of all blobs outside of the database; None: it does not answer

    def finding(self, rule: str, type: str, id: str, detail: str) -> Finding:
        """Say what is wrong in this account."""
        return Finding(rule, self.account, type, id, detail)

    def decode(self, kind: DataType[Any], ids: Iterable[str]) -> dict[str, Any]:
        """Those of these records that can be decoded, hidden ones too; the others are told of elsewhere."""
        bodies = self.view.bodies(kind, self.account, list(ids), with_deleted=True)
        out = {id: decoded(kind, body) for id, (body, _) in bodies.items()}
        return {id: record for id, record in out.items() if record is not None}

    def ids(self, kind: DataType[Any]) -> Iterable[list[str]]:
        """The ids of all records of a type, hidden ones too, in pages."""
        return rows.live_ids(self.view.db, self.account, kind.name, CHUNK)
