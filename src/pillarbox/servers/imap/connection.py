"""One IMAP connection: the sans-I/O conversation on an asyncio transport, with TLS and compression below it.

Sections: RFC 9051 §5.4 (autologout), §6.2.1 (STARTTLS); RFC 4978 (COMPRESS).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Protocol, cast

from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import channel_binding
from pillarbox.servers.imap.compression import Compression, TooMuch
from pillarbox.servers.imap.greeting import greeting
from pillarbox.servers.imap.handler import carry_out
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap.session import Asked, Line
from pillarbox.wire.imap.session import Session as Machine

_LINGER_SECONDS = 10  # for a peer to take the last responses
_STOPPING = b"* BYE The server is shutting down\r\n"
_SILENT = b"* BYE [UNAVAILABLE] Nothing was heard for too long\r\n"


class Keeper(Protocol):
    """Who keeps account of the connections."""

    handshakes: Handshakes | None

    def admit(self, connection: Connection, peer_address: str) -> bytes | None:
        """Take a connection in; the BYE that sends it away instead."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""

    def begin(self, connection: Connection) -> tuple[Machine, Session]:
        """The conversation for a connection."""


class Connection(asyncio.Protocol):
    """Reads and answers. Nothing is read while a command is carried out, or while the peer does not take responses."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._line: asyncio.Future[bytes] | None = None  # somebody waits for a line that is no command
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_reading = True
        self._is_upgrading = self._is_lost = False
        self._touched_at = self._loop.time()
        self._compression: Compression | None = None
        self.peer_address = ""

    # --- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        if self._is_upgrading:
            return
        name = transport.get_extra_info("peername")
        self.peer_address = str(name[0]) if isinstance(name, tuple) else ""
        refusal = self._keeper.admit(self, self.peer_address)
        self._machine, self._session = self._keeper.begin(self)
        if refusal is not None:
            self._machine.close(refusal)
        else:
            self._machine.send(greeting(self._session))
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take octets and go on, unless a command is being carried out."""
        self._touched_at = self._loop.time()
        if self._is_upgrading:
            return  # RFC 9051 §6.2.1: what comes ahead of TLS is no part of the conversation
        if self._compression is None:
            self._machine.receive_data(data)
        else:
            try:
                for piece in self._compression.expand(data):
                    self._machine.receive_data(piece)
                    self._go_on()  # octets of a message need not wait in memory
            except TooMuch:
                self._machine.close(b"* BYE That cannot be expanded\r\n")
        self._go_on()

    def eof_received(self) -> bool:
        """The peer sends no more: nobody is there to be told anything."""
        self._machine.receive_end()
        self._go_on()
        return False

    def pause_writing(self) -> None:
        """The peer does not take its responses: make no more of them."""
        self._writable.clear()
        self._set_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._touched_at = self._loop.time()
        self._writable.set()
        self._set_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget what is not complete. A change that is being written is written."""
        if self._is_lost:
            return
        self._is_lost = True
        self._machine.close()
        self._writable.set()
        if self._line is not None and not self._line.done():
            self._line.set_exception(ConnectionError("the client is gone"))
        if self._task is None:
            self._session.unselect()
        self._keeper.forget(self)

    # --- going on

    def _go_on(self) -> None:
        if self._line is not None:
            self._give_line()
        elif self._task is None:
            event = self._machine.next_event()
            if isinstance(event, Asked):
                self._task = self._loop.create_task(self._work(event))
                return
        self._flush()

    def _give_line(self) -> None:
        assert self._line is not None
        event = self._machine.next_event()
        if isinstance(event, Line) and not self._line.done():
            self._line.set_result(event.data)
        elif self._machine.is_closed and not self._line.done():
            self._line.set_exception(ConnectionError("the conversation is over"))

    async def _work(self, event: Asked | Line | None) -> None:
        try:
            while isinstance(event, Asked) and not self._machine.is_closed:
                await carry_out(self._session, event.tag, event.command)
                self._touched_at = self._loop.time()
                if self._session.is_over:
                    self._machine.close()
                    break
                if self._session.wants_tls:
                    await self._start_tls()
                if self._session.wants_compression:
                    self._start_compression()
                self._machine.finish()
                await self.drain()
                event = self._machine.next_event()
        except ConnectionError:
            self._machine.close()
        finally:
            self._task = None
            if self._is_lost:
                self._session.unselect()
            self._flush()

    def _flush(self) -> None:
        if self._transport.is_closing() or self._is_upgrading:
            return
        if out := self._machine.data_to_send():
            self._transport.write(self._compression.squeeze(out) if self._compression is not None else out)
        if self._machine.is_closed and self._task is None:
            self._touched_at = self._loop.time()
            self._transport.close()
        else:
            self._set_reading()

    def _set_reading(self) -> None:
        # While a command is carried out, one piece may come in; the next is left to the kernel, and the peer.
        wanted = self._writable.is_set() and (self._machine.wants_data or self._line is not None)
        if wanted != self._is_reading and not self._transport.is_closing():
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    # --- what the session asks for

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""
        return self._tls is not None

    @property
    def _tls(self) -> ssl.SSLObject | None:
        found: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return found

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind (RFC 5929 §4)."""
        binding = channel_binding(self._tls)
        return {"tls-server-end-point": binding} if binding is not None else {}

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS would do something."""
        return self._keeper.handshakes is not None and not self.is_encrypted

    async def drain(self) -> None:
        """Send what was said, and wait while the peer does not take it."""
        self._flush()
        if not self._writable.is_set():
            await self._writable.wait()
        if self._is_lost:
            raise ConnectionError("the client is gone")

    async def next_line(self, prompt: bytes) -> bytes:
        """Send a continuation request; the line that the client answers. Raises ConnectionError when it is gone."""
        if self._is_lost or self._machine.is_closed:
            raise ConnectionError("the client is gone")
        self._line = self._loop.create_future()
        try:
            self._machine.ask_line(prompt)
            self._give_line()  # it may have come already
            self._flush()
            return await self._line
        finally:
            self._line = None

    async def _start_tls(self) -> None:
        handshakes = self._keeper.handshakes
        assert handshakes is not None
        self._session.wants_tls = False
        self._flush()
        self._transport.pause_reading()
        self._machine.discard_input()
        self._is_upgrading = True
        sock = self._transport.get_extra_info("socket")
        try:
            transport = await handshakes.upgrade(self._transport, self, sock.dup())
        except Exception:  # noqa: BLE001 -- it was logged there; the connection is of no more use
            self._is_upgrading = False
            raise ConnectionError("no TLS") from None
        self._transport, self._is_reading, self._is_upgrading = transport, True, False

    def _start_compression(self) -> None:
        self._session.wants_compression = False
        self._flush()
        self._compression = Compression()
        self._session.is_compressed = True

    # --- what the listener says

    def stop(self) -> None:
        """End the conversation with a BYE, after the command that is being carried out (RFC 9051 §7.1.5)."""
        if self._task is None or self._line is not None:
            self._machine.close(_STOPPING)
            if self._line is not None and not self._line.done():
                self._line.set_exception(ConnectionError("the server stops"))
            self._flush()
        else:
            self._session.is_over = True
            self._machine.send(_STOPPING)

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def check_time(self, now: float, login_seconds: float, idle_seconds: float) -> None:
        """End a conversation whose peer is silent, and cut off a peer that does not take the last responses."""
        quiet = now - self._touched_at
        if self._transport.is_closing():
            if quiet > _LINGER_SECONDS:
                self._transport.abort()
            return
        if not self._writable.is_set() and quiet > login_seconds:
            self._transport.abort()  # it takes nothing: there is no use in words
        elif quiet > (idle_seconds if self._session.logged_in is not None else login_seconds) or (
            self._line is not None and self._session.is_revoked()
        ):
            self.end(_SILENT)

    def end(self, words: bytes) -> None:
        """Say BYE, and hang up."""
        self._machine.close(words)
        with contextlib.suppress(asyncio.InvalidStateError):
            if self._line is not None:
                self._line.set_exception(ConnectionError("the conversation is over"))
        self._flush()
