r"""\Recent: messages that no session has been told of before (RFC 3501 §2.3.2). IMAP4rev2 knows it no more.

They are those from a uid on, which a mailbox keeps. Who opens it for writing moves that past what is there. What comes
while it is open is recent to the first session of the process that tells its client; that is written down when the
mailbox is left, so that a delivery costs nothing more.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from pillarbox.core.faults import Fault
from pillarbox.net.bridge import Bridge
from pillarbox.servers.imap import observed
from pillarbox.servers.imap.namespace import Place
from pillarbox.storage.transaction import Transaction

FLAG = r"\Recent"
_MOST_TOLD = 5_000  # mailboxes


class Recents:
    """Which messages the sessions of a process were told of."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        # The uid after the last one. It is kept after it was written down: others may have read the store before.
        self._told: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._tasks: set[asyncio.Task[int]] = set()

    def first(self, place: Place, written: int) -> int:
        """The uid from which on messages are recent, where the store has this one."""
        return max(written, self._told.get((place.account, place.id), 0))

    def take(self, place: Place, before: int) -> None:
        """The messages below a uid are recent to the session that asks, and to no other."""
        key = place.account, place.id
        self._told[key] = max(before, self._told.pop(key, 0))
        if len(self._told) > _MOST_TOLD:
            self._told.popitem(last=False)

    def write(self, place: Place, before: int) -> asyncio.Task[int]:
        """Write down that messages below a uid are recent no more; from which on they were, as the store has it."""
        task = asyncio.get_running_loop().create_task(self._write(place, before))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settle(self) -> None:
        """Wait for what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _write(self, place: Place, before: int) -> int:
        account, id = place.account, place.id
        try:
            return await self._bridge.write(partial(_pass, account=account, id=id, before=before), account=account)
        except Exception as error:  # noqa: BLE001 -- where nothing can be written, mail can still be read; it stays recent
            if not isinstance(error, Fault):
                observed.FAILED.log(error, command="Recent")
            return 0


def _pass(tx: Transaction, account: str, id: str, before: int) -> int:
    return tx.pass_recent(account, id, before)


class Recent:
    """The messages that are recent to one session: ranges of uids, rising, none of which touches another."""

    __slots__ = ("_befores", "_firsts")

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._befores: list[int] = []

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The first uid of each, and the one after its last."""
        return list(zip(self._firsts, self._befores, strict=True))

    def add(self, first: int, before: int) -> None:
        """Add a range that stands behind all others."""
        if first >= before:
            return
        if self._befores and self._befores[-1] == first:
            self._befores[-1] = before
        else:
            self._firsts.append(first)
            self._befores.append(before)

    def holds(self, uid: int) -> bool:
        """Whether a message is recent."""
        at = bisect_right(self._firsts, uid) - 1
        return at >= 0 and uid < self._befores[at]

    def reaches(self, uid: int) -> bool:
        """Whether anything up to a uid may be recent."""
        return bool(self._firsts) and self._firsts[0] <= uid

    def count(self, uids: Sequence[int]) -> int:
        """How many of these, which rise, are recent."""
        return sum(bisect_left(uids, before) - bisect_left(uids, first) for first, before in self.ranges)

    def mark(self, uids: Sequence[int], flags: Sequence[object]) -> list[object]:
        """The flags of messages in octets, as the session is told them."""
        return [
            marked(text.decode()).encode() if self.holds(uid) and isinstance(text, bytes) else text
            for uid, text in zip(uids, flags, strict=True)
        ]


def marked(flags: str) -> str:
    r"""Flags in parentheses, with \Recent among them."""
    return f"({FLAG} {flags[1:]}" if flags != "()" else f"({FLAG})"
