"""Entries of the outbox: work that must be done once, at a time or after it."""

from __future__ import annotations

import msgspec

NEVER = 1 << 52  # milliseconds: when an entry is due that somebody holds back


class Entry(msgspec.Struct, frozen=True):
    """One piece of work. `kind` says whose, `item` for which record, `body` is JSON that its worker understands.

    What goes to another server has a destination, and with it a virtual queue, a rank (lower goes first) and the
    message that it shares with other recipients; `lease` is whose it is while it is being sent, `throttle` a digest of
    what holds it back.
    """

    account: str
    id: str
    due_at: int  # milliseconds since 1970
    kind: str
    item: str
    body: bytes
    blob: str = ""  # kept for as long as the entry is there
    queue: str = ""
    destination: str = ""
    rank: int = 0
    message: str = ""
    lease: str = ""
    throttle: str = ""
