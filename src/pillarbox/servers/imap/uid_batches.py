"""UIDBATCHES: the UIDs of the selected mailbox in ranges that hold the same number of messages each (RFC 10022 §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from pillarbox.servers.imap.done import Done, bad, no, ok
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.response import string

_LEAST = 500  # messages in a batch: clients may rely on this many, and fewer are not worth a command each


async def uid_batches(session: Session, command: m.UidBatches) -> Done:
    """Tell ranges of UIDs, the highest first."""
    selected = session.selected
    assert selected is not None
    first, last = command.first or 1, command.last
    if last is not None and last < first:
        return bad("The last batch comes before the first", "CLIENTBUG")
    if command.size < _LEAST:
        return no(f"A batch has {_LEAST} messages or more", "TOOFEW")
    ranges = islice(batches(selected.uids, command.size), first - 1, last)
    words = ",".join([f"{high}:{low}" for high, low in ranges])
    session.say(f"* UIDBATCHES (TAG {string(session.tag)}){' ' * bool(words)}{words}\r\n".encode())
    return ok("These are the batches")


def batches(uids: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Ranges (high, low) of so many messages each, but for the last, which begins with UID 1; none overlap or miss."""
    out: list[tuple[int, int]] = []
    high = uids[-1] if uids else 0
    for before in range(len(uids), 0, -size):
        low = uids[before - size] if before > size else 1
        out.append((high, low))
        high = low - 1
    return out


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.UidBatches: uid_batches}
