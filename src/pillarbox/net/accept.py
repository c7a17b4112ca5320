"""Accepting connections beside other processes on the same sockets, so that each gets its share: docs/decisions.

The kernel wakes all who wait and the first one gets the connection, which with few connections is often the same one.
So who has more than the least loaded stands back for a moment; what is still waiting then, it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Loads
from pillarbox.net.observed import CONNECTIONS_FULL, OPEN_FAILED, PROXY_REFUSED
from pillarbox.net.proxy import LOST, Introduced, Proxies
from pillarbox.wire.proxy.header import Header

_BACKLOG = 1024
_STAND_BACK_SECONDS = 0.001
_STAND_BACK_TIMES = 5  # at most, for one connection: the others may be busy, or hang
_AT_ONCE = 16  # connections, before others on the loop have their turn
_SLACK = 16  # a difference of one in so many is no reason to stand back
_FULL_SECONDS = 1.0
_LAST_SECONDS = 2.0  # for handshakes that are under way when no more is accepted
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(slots=True)
class _Turn:
    """How often we stood back at a socket in a row, and twice how many we take when nobody else has taken them.

    That number doubles while the others take nothing, for then they hang.
    """

    times: int = 0
    takes: int = 1


@dataclass(frozen=True, slots=True)
class Secure:
    """Sockets on which TLS begins at once, and how it does."""

    sockets: Sequence[socket.socket]
    handshakes: Handshakes


class Acceptor:
    """Accepts on some bound sockets for one listener of one process."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        make: Callable[[], asyncio.BaseProtocol],
        live: Callable[[], int],
        loads: Loads | None = None,
        seat: int = 0,
        secure: Secure | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        """`make` makes the protocol of a connection; `live` is how many connections the listener has.

        From `proxies` the PROXY protocol is expected, and what it says is told to a protocol that is `Introduced`.
        """
        self._proxies = proxies
        self._sockets, self._make, self._live = list(sockets), make, live
        self._handshakes: dict[socket.socket, Handshakes] = {}
        if secure is not None:
            self._sockets += secure.sockets
            self._handshakes = dict.fromkeys(secure.sockets, secure.handshakes)
        self._loads, self._seat = loads or Loads(), seat
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[Any]] = set()
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._turns: dict[socket.socket, _Turn] = {}
        self._is_open = False

    def start(self) -> None:
        """Accept from now on."""
        self._is_open = True
        self.changed()
        for sock in self._sockets:
            sock.settimeout(0)
            sock.listen(_BACKLOG)
            self._loop.add_reader(sock, self._ready, sock)

    async def stop(self) -> None:
        """Accept no more, and close the sockets here; other processes go on with theirs."""
        if not self._is_open:
            return
        self._is_open = False
        self._loads.clear(self._seat)
        for handle in self._waiting.values():
            handle.cancel()
        self._waiting.clear()
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        if self._opening:
            _, late = await asyncio.wait(self._opening, timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)

    def changed(self) -> None:
        """Show how many connections there are; to be called whenever one has come or gone."""
        if self._is_open:
            self._loads.put(self._seat, self._count)

    @property
    def _count(self) -> int:
        return self._live() + len(self._opening)

    def _has_too_many(self) -> bool:
        count = self._count
        return count - self._loads.least() > count // _SLACK

    def _ready(self, sock: socket.socket) -> None:
        """Something waits on the socket, or did a moment ago: others see the same."""
        turn = self._turns.setdefault(sock, _Turn())
        has_waited = turn.times >= _STAND_BACK_TIMES
        if has_waited:
            turn.times, turn.takes = 0, min(2 * turn.takes, _AT_ONCE)
        for taken in range(_AT_ONCE):
            if not self._has_too_many():
                turn.takes = 1
            elif not has_waited or taken >= turn.takes // 2:
                turn.times += 1
                self._pause(sock, _STAND_BACK_SECONDS)
                return
            if not self._accept(sock):
                turn.times = 0
                return

    def _accept(self, sock: socket.socket) -> bool:
        """Take one connection; False when there is none, or no more can be taken."""
        try:
            connection, _ = sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            if error.errno not in _FULL:
                raise
            CONNECTIONS_FULL.log(reason=error.strerror)
            self._pause(sock, _FULL_SECONDS)
            return False
        connection.settimeout(0)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._open(connection, self._handshakes.get(sock)))
        self._opening.add(task)
        task.add_done_callback(self._opened)
        self.changed()
        return True

    async def _open(self, connection: socket.socket, handshakes: Handshakes | None) -> None:
        make = self._make
        if self._proxies is not None and self._proxies.trusts(connection):
            try:
                make = partial(self._introduced, await self._proxies.read(connection))
            except LOST as error:
                PROXY_REFUSED.log(why=str(error) or "it took too long")
                connection.close()
                return
        if handshakes is not None:
            await handshakes.accept(make, connection)
            return
        try:
            await self._loop.connect_accepted_socket(make, connection)
        except OSError:  # it is gone already
            with contextlib.suppress(OSError):
                connection.close()

    def _introduced(self, header: Header) -> asyncio.BaseProtocol:
        protocol = self._make()
        if isinstance(protocol, Introduced):
            protocol.client = header
        return protocol

    def _opened(self, task: asyncio.Task[Any]) -> None:
        self._opening.discard(task)
        self.changed()
        if not task.cancelled() and (error := task.exception()) is not None:
            OPEN_FAILED.log(error)

    def _pause(self, sock: socket.socket, seconds: float) -> None:
        """Look at the socket again after a while; what waits there by then is told at once."""
        self._loop.remove_reader(sock)
        self._waiting[sock] = self._loop.call_later(seconds, self._resume, sock)

    def _resume(self, sock: socket.socket) -> None:
        self._waiting.pop(sock, None)
        self._loop.add_reader(sock, self._ready, sock)
