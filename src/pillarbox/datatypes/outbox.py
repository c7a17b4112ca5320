"""Entries of the outbox: work that must be done once, at a time or after it."""

from __future__ import annotations

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One piece of work. `kind` says whose, `item` for which record, `body` is JSON that its worker understands."""

    account: str
    id: str
    due_at: int  # milliseconds since 1970
    kind: str
    item: str
    body: bytes
    blob: str = ""  # kept for as long as the entry is there
