"""One SMTP or LMTP connection: the sans-I/O conversation on an asyncio transport, with TLS below it.

Sections: RFC 5321 §3.8 (421), §4.5.3.2 (timeouts); RFC 2920; RFC 3207 §4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from pillarbox.net.handshake import Handshakes
from pillarbox.net.roster import Listed
from pillarbox.net.start_tls import start_tls
from pillarbox.net.tls import bindings_of, tls_of
from pillarbox.servers.smtp.peer import TlsFacts
from pillarbox.servers.smtp.settings import ListenerSettings
from pillarbox.wire.proxy.header import Header
from pillarbox.wire.smtp.reply import OK, SHUTTING_DOWN, TIMED_OUT, TOO_SLOW, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Answer, Event, StartTls

_PROGRESS_OCTETS = 16_384  # so much counts as getting somewhere
_LINGER_SECONDS = 10  # for a peer to take the last replies


class Decide(Protocol):
    """Answers the events of one connection."""

    async def answer(self, event: Event) -> Answer:
        """What is said to an event."""

    def secured(self) -> None:
        """There is TLS now; whatever the client has said before is forgotten."""

    def close(self) -> None:
        """The connection is over."""


class Keeper(Protocol):
    """Who keeps account of the connections."""

    handshakes: Handshakes | None

    def admit(self, connection: Connection, peer_address: str) -> Reply | None:
        """Take a connection in; a reply that sends it away instead."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""

    @property
    def begin(self) -> Callable[[Connection], tuple[Session, Decide]]:
        """Makes the conversation for a connection, and who decides in it."""


class Connection(Listed):
    """Reads and answers. Nothing is read while a message is stored, or while the peer does not take its replies."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_reading = True
        self._is_writable = True
        self._is_stopping = self._is_upgrading = False
        self._touched_at = self._progress_at = self._loop.time()
        self._octets = 0  # since there was progress
        self.client: Header | None = None  # whom a proxy speaks for
        self.peer_address, self.peer_port = "", 0
        self.local_address, self.local_port = "", 0

    # --- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        if isinstance(name, tuple):
            self.peer_address, self.peer_port = str(name[0]), int(name[1])
        local = transport.get_extra_info("sockname")
        if isinstance(local, tuple):
            self.local_address, self.local_port = str(local[0]), int(local[1])
        if self.client is not None and self.client.source is not None:
            self.peer_address, self.peer_port = self.client.source.address, self.client.source.port
        refusal = self._keeper.admit(self, self.peer_address)
        self._session, self._decide = self._keeper.begin(self)
        if refusal is not None:
            self._session.data_to_send()  # no greeting but the refusal (RFC 5321 §3.1)
            self._session.close(refusal)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Take octets and go on, unless an answer is being waited for."""
        self._touched_at = self._loop.time()
        self._octets += len(data)
        if self._octets > _PROGRESS_OCTETS:
            self._note_progress()
        self._session.receive_data(data)
        if self._task is None:
            self._go_on()
        else:
            self._flush()

    def eof_received(self) -> bool:
        """The peer sends no more; what it is owed is still sent."""
        self._session.receive_end()
        if self._task is None:
            self._go_on()
        return not self.is_encrypted  # TLS knows no half of a connection

    def pause_writing(self) -> None:
        """The peer does not take its replies: read nothing that would make more of them."""
        self._is_writable = False
        self._set_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._is_writable = True
        self._touched_at = self._loop.time()
        self._set_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget what is not complete. A message that is being stored is stored: its client will send it again."""
        self._session.close()
        self._decide.close()
        self._keeper.forget(self)

    def connection_secured(self, transport: asyncio.Transport) -> None:
        """There is TLS: begin anew, but for the greeting (RFC 3207 §4.2)."""
        self._transport, self._is_reading, self._is_upgrading = transport, True, False
        self._touched_at = self._loop.time()
        self._decide.secured()
        self._session.answer(OK)
        if self._is_stopping:
            self._session.close(SHUTTING_DOWN)
        self._go_on()

    # --- going on

    def _go_on(self) -> None:
        event = self._session.next_event()
        if event is not None:
            self._task = self._loop.create_task(self._answer(event))
        else:
            self._flush()

    async def _answer(self, event: Event | None) -> None:
        try:
            while event is not None:
                if isinstance(event, StartTls):
                    self._start_tls()
                    break
                answer = await self._decide.answer(event)
                self._note_progress()
                if self._session.is_closed:
                    break
                self._session.answer(answer)
                event = self._session.next_event()
                if self._is_stopping:  # the answer is told; commands that wait behind it are not obeyed any more
                    self._session.close(SHUTTING_DOWN)
                    break
        finally:
            self._task = None
            self._touched_at = self._loop.time()
            self._flush()

    def _flush(self) -> None:
        if self._is_upgrading or self._transport.is_closing():
            return
        if out := self._session.data_to_send():
            self._transport.write(out)
        if self._session.is_closed:
            self._touched_at = self._loop.time()
            self._transport.close()
        else:
            self._set_reading()

    def _set_reading(self) -> None:
        # While an answer is waited for, one piece may come in; the next is left to the kernel, and the peer.
        wanted = self._is_writable and self._session.wants_data
        if wanted != self._is_reading and not self._is_upgrading and not self._transport.is_closing():
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def _start_tls(self) -> None:
        handshakes = self._keeper.handshakes
        assert handshakes is not None
        self._is_upgrading = True
        start_tls(self._transport, self, handshakes, self._session.data_to_send())

    def _note_progress(self) -> None:
        self._progress_at, self._octets = self._loop.time(), 0

    # --- what is known of the connection

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""
        return tls_of(self._transport) is not None

    @property
    def tls_facts(self) -> TlsFacts | None:
        """How it is encrypted."""
        tls = tls_of(self._transport)
        cipher = tls.cipher() if tls is not None else None
        if tls is None or cipher is None:
            return None
        return TlsFacts(tls.version() or "", cipher[0], cipher[2])

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind (RFC 5929 §4)."""
        return bindings_of(self._transport)

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS would do something."""
        return self._keeper.handshakes is not None and not self.is_encrypted

    # --- what the listener says

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being waited for."""
        return self._task is not None

    def stop(self) -> None:
        """End the conversation with a 421, after the answer that is being waited for (RFC 5321 §3.8)."""
        self._is_stopping = True
        if self._is_upgrading:
            return
        if self._task is None and not self._session.is_closed:
            self._session.close(SHUTTING_DOWN)
            self._flush()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def check_time(self, now: float, settings: ListenerSettings) -> None:
        """End a conversation whose peer is silent or gets nowhere, and cut off one that does not take replies."""
        if self._is_upgrading:  # handshakes have limits of their own
            return
        if self._transport.is_closing():
            if now - self._touched_at > _LINGER_SECONDS:
                self._transport.abort()
        elif self._task is None and now - self._touched_at > settings.idle_seconds:
            self._end(TIMED_OUT)
        elif self._task is None and now - self._progress_at > settings.patience_seconds:
            self._end(TOO_SLOW)

    def _end(self, reply: Reply) -> None:
        self._session.close(reply)
        self._flush()
        if not self._is_writable:  # the last words would wait behind what the peer does not take
            self._transport.abort()
