"""The open connections of one listener of one process: accepted, counted, looked at now and then, ended in order.

What the protocols of mail have in common; what is said to whom is theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.count import Seat
from pillarbox.net.load import Connections, Loads
from pillarbox.net.proxy import Proxies

Key = tuple[str, str]
_LONGEST_SECONDS = 5.0


class Listed(asyncio.Protocol, ABC):
    """A connection, as far as it can be ended."""

    @abstractmethod
    def stop(self) -> None:
        """End in order: after what is being done, and with a word."""

    @abstractmethod
    def abort(self) -> None:
        """End now."""


C = TypeVar("C", bound=Listed)


class Roster(Generic[C]):
    """The connections that `make` makes on some bound sockets, which are closed when it stops.

    `counts` and `loads` tell of the other processes that accept on the same sockets.
    """

    def __init__(
        self,
        make: Callable[[], C],
        sockets: Sequence[socket.socket],
        *,
        counts: Seat,
        secure: Secure | None = None,
        loads: Loads | None = None,
        seat: int = 0,
    ) -> None:
        self._make, self._sockets, self._secure = make, sockets, secure
        self._counts, self._loads, self._seat = counts, loads, seat
        self._connections: set[C] = set()
        self._counted: dict[C, tuple[Key, ...]] = {}  # the others were sent away
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[C]:
        """Those that are there now, whatever comes and goes meanwhile."""
        return iter(list(self._connections))

    async def start(self, look: Callable[[float], None], seconds: float, proxies: Proxies | None = None) -> None:
        """Accept connections, and `look`, with the time of the loop's clock, at least every so many seconds."""
        self._acceptor = Acceptor(
            self._sockets,
            self._make,
            lambda: len(self._connections),
            self._loads,
            self._seat,
            self._secure,
            proxies,
        )
        self._connections = Connections(self._acceptor.changed)
        self._acceptor.start()
        self._sweeping = asyncio.create_task(self._sweep(look, min(_LONGEST_SECONDS, seconds)))

    async def _sweep(self, look: Callable[[float], None], seconds: float) -> None:
        """One look at all connections now and then costs less than a timer for each."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(seconds)
            try:
                look(loop.time())
            except Exception as error:  # noqa: BLE001 -- else no connection would ever be looked at again
                loop.call_exception_handler({"message": "a look at all connections failed", "exception": error})

    async def stop(self, seconds: float) -> None:
        """Accept no more, end connections in order, and those that take longer than so many seconds at once."""
        await self._acceptor.stop()
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        for connection in self:
            connection.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_empty.wait(), seconds)
        for connection in self:
            connection.abort()

    def enter(self, connection: C, limits: Sequence[tuple[Key, int]]) -> Key | None:
        """Take a connection in, and count it for each of the keys; the key of which there are too many already.

        Then it is there, until it leaves, and counts for nothing.
        """
        self._connections.add(connection)
        self._is_empty.clear()
        entered: list[Key] = []
        for key, most in limits:
            if not self._counts.enter(key, most):
                for other in entered:
                    self._counts.leave(other)
                return key
            entered.append(key)
        self._counted[connection] = tuple(entered)
        return None

    def total(self, key: Key) -> int:
        """How many connections count for a key, in all processes."""
        return self._counts.total(key)

    def leave(self, connection: C) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._is_empty.set()
        for key in self._counted.pop(connection, ()):
            self._counts.leave(key)
