"""One POP3 connection: the sans-I/O conversation on an asyncio transport, with TLS below it.

Sections: RFC 1939 §3 (autologout); RFC 2595 §4 (STLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from typing import Protocol, cast

from pillarbox.net.handshake import Handshakes
from pillarbox.net.roster import Listed
from pillarbox.net.start_tls import start_tls
from pillarbox.net.tls import bindings_of, tls_of
from pillarbox.servers.pop3.handler import carry_out
from pillarbox.servers.pop3.session import ClientGone, Session
from pillarbox.servers.pop3.settings import Pop3Settings
from pillarbox.wire.pop3.reply import ok
from pillarbox.wire.pop3.session import Asked, Line
from pillarbox.wire.pop3.session import Session as Machine

_LINGER_SECONDS = 10  # for a peer to take the last reply
_GREETING = ok("Pillarbox is ready")
# A client that vanished holds its maildrop until that is noticed: sooner, if the kernel asks whether it is there.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class Keeper(Protocol):
    """Who keeps account of the connections."""

    handshakes: Handshakes | None

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the reply that sends it away instead."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """The conversation for a connection."""


class Connection(Listed):
    """Reads and answers. Nothing is read while a command is carried out, or while the peer does not take replies."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._line: asyncio.Future[Line] | None = None  # somebody waits for a line that is no command
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_reading = True
        self._is_upgrading = self._is_lost = False
        self._made_at = self._touched_at = self._loop.time()
        self.peer_address = ""

    # --- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer_address = str(name[0]) if isinstance(name, tuple) else ""
        if self.peer_address:
            _keep_alive(transport.get_extra_info("socket"))
        refusal = self._keeper.admit(self, self.peer_address)
        self._machine, self._session = self._keeper.begin(self)
        if refusal is not None:
            self._machine.close(refusal)
        else:
            self._machine.send(_GREETING)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take octets and go on, unless a command is being carried out."""
        self._touched_at = self._loop.time()
        self._machine.receive_data(data)
        self._go_on()

    def eof_received(self) -> bool:
        """The peer sends no more; what it has asked for is still done, and told."""
        self._machine.receive_end()
        self._go_on()
        return not self.is_encrypted  # TLS knows no half of a connection

    def pause_writing(self) -> None:
        """The peer does not take its replies: make no more of them."""
        self._writable.clear()
        self._set_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._touched_at = self._loop.time()
        self._writable.set()
        self._set_reading()

    def connection_secured(self, transport: asyncio.Transport) -> None:
        """There is TLS: begin anew, but for the greeting (RFC 2595 §4)."""
        self._transport, self._is_reading, self._is_upgrading = transport, True, False
        self._touched_at = self._loop.time()
        self._session.begin_anew()
        self._machine.finish()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what is not complete: without QUIT nothing is deleted. What is being removed after it is removed."""
        self._is_lost = True
        self._machine.close()
        self._writable.set()
        self._end_line()
        if self._task is None:
            self._session.close()
        self._keeper.forget(self)

    # --- going on

    def _go_on(self) -> None:
        if self._line is not None:
            self._give_line()
        elif self._task is None and not self._is_upgrading:
            event = self._machine.next_event()
            if isinstance(event, Asked):
                self._task = self._loop.create_task(self._work(event))
        self._flush()

    def _give_line(self) -> None:
        assert self._line is not None
        event = self._machine.next_event()
        if isinstance(event, Line) and not self._line.done():
            self._line.set_result(event)
        elif self._machine.is_closed:
            self._end_line()

    def _end_line(self) -> None:
        if self._line is not None and not self._line.done():
            self._line.set_exception(ClientGone)

    async def _work(self, event: Asked | Line | None) -> None:
        try:
            while isinstance(event, Asked):
                await carry_out(self._session, event.command)
                self._touched_at = self._loop.time()
                if self._session.is_over:
                    self._machine.close()
                elif self._session.wants_tls:
                    self._start_tls()
                if self._machine.is_closed or self._is_upgrading:
                    return
                self._machine.finish()
                await self.drain()
                event = self._machine.next_event()
        except ClientGone:
            self._machine.close()
        finally:
            self._task = None
            if self._is_lost or self._machine.is_closed:
                self._session.close()
            self._flush()

    def _flush(self) -> None:
        if self._is_upgrading or self._transport.is_closing():
            return
        if out := self._machine.data_to_send():
            self._transport.write(out)
        if self._machine.is_closed and self._task is None:
            self._touched_at = self._loop.time()
            self._transport.close()
        else:
            self._set_reading()

    def _set_reading(self) -> None:
        # While a command is carried out, one piece may come in; the next is left to the kernel, and the peer.
        wanted = self._writable.is_set() and (self._machine.wants_data or self._line is not None)
        if wanted != self._is_reading and not self._is_upgrading and not self._transport.is_closing():
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def _start_tls(self) -> None:
        handshakes = self._keeper.handshakes
        assert handshakes is not None
        self._session.wants_tls = False
        # Nothing that was said in the clear is heard under TLS.
        self._machine.discard_input()
        self._is_upgrading = True
        start_tls(self._transport, self, handshakes, self._machine.data_to_send())

    # --- what the session asks for

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""
        return tls_of(self._transport) is not None

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind (RFC 5929 §4)."""
        return bindings_of(self._transport)

    @property
    def can_start_tls(self) -> bool:
        """Whether STLS would do something."""
        return self._keeper.handshakes is not None and not self.is_encrypted

    async def drain(self) -> None:
        """Send what was said, and wait while the peer does not take it. Raises ClientGone."""
        self._flush()
        if not self._writable.is_set():
            await self._writable.wait()
        if self._is_lost:
            raise ClientGone

    async def next_line(self, challenge: bytes) -> Line:
        """Send a challenge; the line that the client answers. Raises ClientGone."""
        if self._is_lost or self._machine.is_closed:
            raise ClientGone
        self._line = self._loop.create_future()
        try:
            self._machine.ask_line(challenge)
            self._give_line()  # it may have come already
            self._flush()
            return await self._line
        finally:
            self._line = None

    # --- what the listener says

    def stop(self) -> None:
        """End the conversation, after the command that is carried out; POP3 has no words that nobody asked for."""
        if self._is_upgrading:
            self._transport.abort()
        elif self._task is None or self._line is not None:
            self._end()
        else:
            self._session.is_over = True

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def check_time(self, now: float, settings: Pop3Settings) -> None:
        """End a conversation whose peer is silent, and cut off a peer that does not take replies."""
        quiet = now - self._touched_at
        if self._is_upgrading:  # handshakes have limits of their own
            return
        if self._transport.is_closing():
            if quiet > _LINGER_SECONDS:
                self._transport.abort()
            return
        if self._task is not None and self._line is None and self._writable.is_set():
            return  # it waits for us
        if self._session.logged_in is not None:
            is_late = quiet > settings.idle_seconds
        else:
            is_late = quiet > settings.login_seconds or now - self._made_at > settings.idle_seconds
        if is_late and self._writable.is_set():
            # RFC 1939 §3: "the server should close the TCP connection without removing any messages or sending any
            # response to the client."
            self._end()
        elif is_late:
            self._transport.abort()

    def _end(self) -> None:
        self._machine.close()
        self._end_line()
        self._flush()


def _keep_alive(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEP_ALIVE.items():
            if (option := getattr(socket, name, None)) is not None:  # not on every system
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
