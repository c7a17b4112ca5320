"""Gets connections to TLS, at once or after STARTTLS: looks at what the client says first, and chooses a context.

The ClientHello is looked at in the socket's buffer and left there for the library, which could neither refuse a client
for its protocols nor tell one that speaks no TLS: docs/decisions. Sections: RFC 7301 §3.2; RFC 8446 §6.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pillarbox.net import observed
from pillarbox.net.peek import peek
from pillarbox.net.tls import ForeignProtocol, ServerContext, TlsContexts
from pillarbox.wire.tls.client_hello import MOST_OCTETS, NotTls, parse_client_hello

T = TypeVar("T")
# RFC 7301 §3.2: "the server SHALL respond with a fatal "no_application_protocol" alert", which is number 120.
_NO_APPLICATION_PROTOCOL = b"\x15\x03\x03\x00\x02\x02\x78"
# For the client to take what waits for it when we close, and to say that it has: what is left after that is lost. A
# listener that stops need not wait so long, and aborts what nobody will miss.
_SHUTDOWN_SECONDS = 90.0
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 1.0
_DRAIN = 65_536
LOST = (OSError, NotTls, ForeignProtocol)  # what keeps a client from TLS; ssl.SSLError and TimeoutError are OSErrors


class Handshakes:
    """Those of one protocol in one process: none takes for ever, and there are not too many at a time."""

    def __init__(
        self,
        contexts: TlsContexts,
        alpn: str,
        *,
        seconds: float = 20.0,
        at_once: int = 1_024,
        to_others: Callable[[bytes], bytes] = lambda _: b"",
    ) -> None:
        """`alpn` is the protocol's name; `to_others` answers the first octets of a client that speaks no TLS."""
        self._contexts, self._alpn, self._seconds, self._at_once = contexts, alpn, seconds, at_once
        self._to_others = to_others
        self._pending: dict[asyncio.Task[Any], None] = {}  # the oldest first

    async def accept(self, make: Callable[[], asyncio.BaseProtocol], connection: socket.socket) -> None:
        """Give an accepted connection to a new protocol once TLS is there; if it never is, the connection is closed."""
        with contextlib.suppress(*LOST):
            await self._bounded(connection, self._accept(make, connection))

    async def _accept(self, make: Callable[[], asyncio.BaseProtocol], connection: socket.socket) -> None:
        try:
            context = await self._context(connection)
        except BaseException as error:
            _close(connection, self._last_words(error, connection))
            raise
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            make,
            connection,
            ssl=context,
            ssl_handshake_timeout=self._seconds,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        _check(transport)

    async def upgrade(
        self, transport: asyncio.Transport, protocol: asyncio.BaseProtocol, connection: socket.socket
    ) -> asyncio.Transport:
        """The transport with TLS, for one that reads nothing at the moment. Raises LOST, and closes it then.

        `connection` is another descriptor of the transport's socket.
        """
        try:
            return await self._bounded(connection, self._upgrade(transport, protocol, connection))
        except LOST as error:
            if words := self._last_words(error, None):
                _drain(connection)
                transport.write(words)
            transport.close()
            raise
        except BaseException:
            transport.abort()
            raise

    async def _upgrade(
        self, transport: asyncio.Transport, protocol: asyncio.BaseProtocol, connection: socket.socket
    ) -> asyncio.Transport:
        context = await self._context(connection)
        made = await asyncio.get_running_loop().start_tls(
            transport,
            protocol,
            context,
            server_side=True,
            ssl_handshake_timeout=self._seconds,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        return _check(made)

    async def _bounded(self, connection: socket.socket, work: Coroutine[Any, Any, T]) -> T:
        """Do it within the time. When there are too many, the oldest ends: honest ones are done within a second."""
        task, loop, address = asyncio.current_task(), asyncio.get_running_loop(), _address(connection)
        assert task is not None
        if len(self._pending) >= self._at_once:
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            oldest.cancel()
            observed.HANDSHAKES.count(self._alpn, "crowded")
        self._pending[task] = None
        began = loop.time()
        try:
            async with asyncio.timeout(self._seconds):
                done = await work
        except LOST as error:
            self._tell(error, address)
            raise
        finally:
            self._pending.pop(task, None)
        observed.HANDSHAKES.count(self._alpn, "done")
        observed.HANDSHAKE_SECONDS.observe(loop.time() - began)
        return done

    # --- what the client says

    async def _context(self, connection: socket.socket) -> ServerContext:
        """The context for what the client says first. Raises LOST."""
        wait = 0.0
        while True:
            octets = await peek(connection, MOST_OCTETS)
            if not octets:
                raise ConnectionResetError("the client went away")
            hello = parse_client_hello(octets)
            if hello is not None:
                return self._contexts.choose(self._alpn, hello)
            # Nothing tells when there is more than what has been looked at already.
            wait = min(2 * wait + _FIRST_WAIT, _LONGEST_WAIT)
            await asyncio.sleep(wait)

    # --- what is said to a client that does not get to TLS

    def _last_words(self, error: BaseException, connection: socket.socket | None) -> bytes:
        if isinstance(error, ForeignProtocol):
            return _NO_APPLICATION_PROTOCOL
        if isinstance(error, NotTls) and connection is not None:
            with contextlib.suppress(OSError):
                return self._to_others(connection.recv(_DRAIN, socket.MSG_PEEK))
        return b""

    def _tell(self, error: BaseException, address: str) -> None:
        end, why = _end(error)
        observed.HANDSHAKES.count(self._alpn, end)
        observed.HANDSHAKE_FAILED.log(protocol=self._alpn, why=why, address=address)


def _end(error: BaseException) -> tuple[str, str]:
    """How a handshake ended, for the numbers and for people."""
    if isinstance(error, ForeignProtocol):
        return "foreign_protocol", "it speaks other protocols only"
    if isinstance(error, NotTls):
        return "no_tls", str(error)
    if isinstance(error, TimeoutError):
        return "late", "it took too long"
    if isinstance(error, ssl.SSLError):
        return "failed", (error.reason or "the library gave no reason").lower().replace("_", " ")
    return "gone", "the connection broke"


def _check(transport: asyncio.Transport | None) -> asyncio.Transport:
    """The loops tell nothing when the client goes away in the middle of a handshake."""
    if transport is None or transport.get_extra_info("ssl_object") is None:
        raise ConnectionResetError("the client went away")
    return transport


def _close(connection: socket.socket, last_words: bytes) -> None:
    """Close a socket, after some octets."""
    with contextlib.suppress(OSError):
        if last_words:
            _drain(connection)
            connection.send(last_words)
            connection.shutdown(socket.SHUT_WR)
    connection.close()


def _drain(connection: socket.socket) -> None:
    """Read what is there: to close a socket before would destroy our last words on their way (RFC 1122 §4.2.2.13)."""
    with contextlib.suppress(OSError):
        connection.recv(_DRAIN)


def _address(connection: socket.socket) -> str:
    with contextlib.suppress(OSError):
        name = connection.getpeername()
        return str(name[0]) if isinstance(name, tuple) else ""
    return ""
