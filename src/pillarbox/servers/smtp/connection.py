"""One LMTP connection: the sans-I/O conversation on an asyncio transport.

Sections: RFC 5321 §3.8 (421), §4.5.3.2 (timeouts); RFC 2920.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from pillarbox.wire.smtp.reply import SHUTTING_DOWN, TIMED_OUT, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Answer, Event

_LINGER_SECONDS = 10  # for a peer to take the last replies


class Decide(Protocol):
    """Answers the events of one connection."""

    async def answer(self, event: Event) -> Answer: ...


class Keeper(Protocol):
    """Who keeps account of the connections."""

    def admit(self, connection: Connection, peer_address: str) -> Reply | None:
        """Take a connection in; a reply that sends it away instead."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""

    def begin(self, connection: Connection, peer_address: str) -> tuple[Session, Decide]:
        """The conversation for a connection, and who decides in it."""


class Connection(asyncio.Protocol):
    """Reads and answers. Nothing is read while a message is stored, or while the peer does not take its replies."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._is_reading = True
        self._is_writable = True
        self._is_stopping = False
        self._touched_at = self._loop.time()
        self.peer_address = ""

    # --- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, or send it away."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer_address = str(name[0]) if isinstance(name, tuple) else ""
        refusal = self._keeper.admit(self, self.peer_address)
        self._session, self._decide = self._keeper.begin(self, self.peer_address)
        if refusal is not None:
            self._session.data_to_send()  # no greeting but the refusal (RFC 5321 §3.1)
            self._session.close(refusal)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take octets and go on, unless an answer is being waited for."""
        self._touched_at = self._loop.time()
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
        return True

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
        self._keeper.forget(self)

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
                answer = await self._decide.answer(event)
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
        if self._transport.is_closing():
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
        if wanted != self._is_reading and not self._transport.is_closing():
            self._is_reading = wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    # --- what the listener says

    @property
    def is_busy(self) -> bool:
        """Whether an answer is being waited for."""
        return self._task is not None

    def stop(self) -> None:
        """End the conversation with a 421, after the answer that is being waited for (RFC 5321 §3.8)."""
        self._is_stopping = True
        if self._task is None and not self._session.is_closed:
            self._session.close(SHUTTING_DOWN)
            self._flush()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def check_time(self, now: float, idle_seconds: float) -> None:
        """End a conversation whose peer is silent, and cut off a peer that does not take the last replies."""
        if self._transport.is_closing():
            if now - self._touched_at > _LINGER_SECONDS:
                self._transport.abort()
        elif self._task is None and now - self._touched_at > idle_seconds:
            self._session.close(TIMED_OUT)
            self._flush()
