"""Announcements between the processes of one server: unix datagrams over socket pairs that are made before the fork.

A process that is too busy to read is told later, all in one; past a bound it is not told, and finds out by looking.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import socket
from collections.abc import Sequence
from itertools import islice

import msgspec

from pillarbox.net.bridge import Bridge
from pillarbox.net.observed import NOTE_LOST
from pillarbox.storage.store import Changed

_ACCOUNTS = 500  # in one datagram: far below what a socket takes
_MOST_PENDING = 20_000  # accounts that wait to be told of to a process
_AGAIN_SECONDS, _LONGEST_SECONDS = 0.002, 0.064
_LARGEST = 262_144
_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Changed)


class Mailboxes:
    """A pair of sockets for each seat: everybody can send to it, the process that sits there reads.

    `taken` has a byte for each seat, in memory that all share: whether anybody reads there.
    """

    def __init__(self, seats: int) -> None:
        """Make them before the fork."""
        self.pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(seats)]
        for pair in self.pairs:
            for end in pair:
                end.settimeout(0)
        self.taken = mmap.mmap(-1, seats)

    def empty(self, seat: int) -> None:
        """Nobody reads there any more; throw away what was told."""
        self.taken[seat] = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.pairs[seat][0].recv(_LARGEST)

    def close(self) -> None:
        """Close all."""
        for pair in self.pairs:
            for end in pair:
                end.close()


class Datagrams:
    """The announcer between processes of one machine that come from one supervisor."""

    def __init__(self, bridge: Bridge, mailboxes: Mailboxes, seat: int) -> None:
        self._bridge = bridge
        self._inbox, self._taken, self._seat = mailboxes.pairs[seat][0], mailboxes.taken, seat
        self._peers = {number: _Peer(pair[1]) for number, pair in enumerate(mailboxes.pairs) if number != seat}

    def tell(self, changed: Changed) -> None:
        """Pass on what this process committed."""
        for notes in _split(changed):
            data = _encode(notes)
            for seat, peer in self._peers.items():
                if self._taken[seat]:
                    peer.send(data, notes)
                else:
                    peer.forget()

    async def run(self) -> None:
        """Hand on what others tell, until cancelled."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._inbox, self._read)
        self._taken[self._seat] = 1
        try:
            await loop.create_future()
        finally:
            self._taken[self._seat] = 0
            loop.remove_reader(self._inbox)
            for peer in self._peers.values():
                peer.forget()

    def _read(self) -> None:
        """Take one note; the loop calls again while there are more, after others had their turn."""
        try:
            self._bridge.heard(_decoder.decode(self._inbox.recv(_LARGEST)))
        except BlockingIOError:
            return
        except Exception as error:  # noqa: BLE001 -- one note must not end the hearing
            NOTE_LOST.log(error, reason="it could not be read")


class _Peer:
    """The way to one other process, with what it could not take yet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pending: Changed = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wait = _AGAIN_SECONDS

    def send(self, data: bytes, changed: Changed) -> None:
        """Tell now, or soon and together with what comes meanwhile."""
        if not self._pending and self._try(data):
            return
        if len(self._pending) < _MOST_PENDING:
            for account, types in changed.items():
                self._pending.setdefault(account, {}).update(types)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._wait, self._flush)

    def _flush(self) -> None:
        self._timer = None
        for notes in _split(self._pending):
            if not self._try(_encode(notes)):
                self._wait = min(2 * self._wait, _LONGEST_SECONDS)
                self._timer = asyncio.get_running_loop().call_later(self._wait, self._flush)
                return
            for account in list(notes):
                del self._pending[account]
        self._wait = _AGAIN_SECONDS

    def _try(self, data: bytes) -> bool:
        try:
            self._sock.send(data)
        except BlockingIOError:
            return False
        except OSError as error:  # it finds out by looking
            NOTE_LOST.log(reason=error.strerror)
        return True

    def forget(self) -> None:
        """Nobody reads there: what waits is for nobody."""
        self._pending.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _split(changed: Changed) -> Sequence[Changed]:
    if len(changed) <= _ACCOUNTS:
        return [changed] if changed else []
    items = iter(list(changed.items()))
    return [dict(part) for part in iter(lambda: list(islice(items, _ACCOUNTS)), [])]
