"""One IMAP connection: the sans-I/O conversation on an asyncio transport, with TLS and compression below it.

Who waits for news, in IDLE or by NOTIFY, costs no task: the feed of changes calls `wake`, and what there is to tell is
told by a task that ends with that.

Sections: RFC 9051 §5.4 (autologout), §6.2.1 (STARTTLS), §6.3.13 (IDLE), §7.1.5 (BYE); RFC 4978 (COMPRESS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pillarbox.net.roster import Listed
from pillarbox.net.start_tls import start_tls
from pillarbox.servers.imap import observed, parting
from pillarbox.servers.imap.channel import Channel
from pillarbox.servers.imap.compression import Compression
from pillarbox.servers.imap.due import ABORT, Due
from pillarbox.servers.imap.greeting import greeting
from pillarbox.servers.imap.handler import carry_out, end_idle
from pillarbox.servers.imap.keeper import Keeper
from pillarbox.servers.imap.question import Question
from pillarbox.servers.imap.settings import ImapSettings
from pillarbox.wire.imap.session import Asked, Event, Line

_PARTING_SECONDS = 3  # the same when the server stops, and the peer has nothing to take but the BYE


class Connection(Listed):
    """Reads and answers. Nothing is read while a command is carried out, or while the peer does not take responses."""

    def __init__(self, keeper: Keeper[Connection]) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._question = Question()
        self._is_lost = self._is_stopping = False
        self._is_woken = False  # something has changed of which the client may have to hear
        self._due = Due(self._loop.time())
        self.peer_address = ""

    # --- what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer, or send it away."""
        self._channel = Channel(transport)
        self.peer_address = self._channel.peer_address
        refusal = self._keeper.admit(self, self.peer_address)
        self._machine, self._session = self._keeper.begin(self)
        if refusal is not None:
            self._machine.close(refusal)
        else:
            self._machine.send(greeting(self._session))
        self._flush()

    def connection_secured(self, transport: asyncio.Transport) -> None:
        """There is TLS: go on with what comes by it, and with nothing else (RFC 9051 §6.2.1)."""
        self._channel.use(transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take octets and go on, unless a command is being carried out."""
        self._due.touched_at = self._loop.time()
        if self._channel.compression is None:
            self._machine.receive_data(data)
        else:
            self._channel.compression.receive(data)
        self._go_on()

    def eof_received(self) -> bool:
        """The peer sends no more. What it has asked for is still done, and told where one direction can stay open."""
        self._machine.receive_end()
        self._go_on()
        return self._task is not None and not self.is_encrypted

    def pause_writing(self) -> None:
        """The peer does not take its responses: make no more of them."""
        self._channel.set_taken(is_taken=False)
        self._set_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._due.touched_at = self._loop.time()
        self._channel.set_taken(is_taken=True)
        self._set_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what is not complete. A change that is being written is written."""
        if self._is_lost:
            return
        self._is_lost = True
        self._machine.close()
        self._channel.set_taken(is_taken=True)
        self._question.fail("the client is gone")
        if self._task is None:
            self._session.close()
        self._keeper.forget(self)

    # --- going on

    def _go_on(self) -> None:
        if self._is_lost:
            return
        if self._question.is_open:
            self._give_line()
        elif self._task is None:
            event = self._next_event()
            if event is not None:
                self._task = self._loop.create_task(self._work(event))
                return
            if self._is_woken and self._session.news.listening is not None and not self._machine.is_closed:
                self._task = self._loop.create_task(self._tell())
                return
        self._flush()

    def _next_event(self) -> Event | None:
        """The next command, or the line that was asked for, of what has come by now."""
        event, has_more = self._channel.next_event(self._machine)
        if has_more:
            self._loop.call_soon(self._go_on)
        return event

    def _give_line(self) -> None:
        if self._question.is_answered:
            return
        event = self._next_event()
        if isinstance(event, Line):
            self._question.answer(event.data)
        elif self._machine.is_closed:
            self._question.fail("the conversation is over")

    async def _work(self, event: Event | None) -> None:
        try:
            while event is not None and not self._machine.is_closed:
                event = await self._answer(event)
        except ConnectionError:
            self._machine.close()
        except Exception as error:  # noqa: BLE001 -- of this connection; the others must not suffer
            observed.FAILED.log(error, command="")
            self._machine.close(parting.BROKEN)
        finally:
            self._rest()

    def wake(self) -> None:
        """Something has changed: have the client told, now or after what is under way."""
        self._is_woken = True
        if self._task is None:
            self._go_on()

    async def _tell(self) -> None:
        """Tell what has changed, while no command is being carried out, or in IDLE."""
        try:
            while self._is_woken and not (self._machine.is_closed or self._session.is_over):
                self._is_woken = False
                await self._session.news.tell()
                await self.drain()
        except ConnectionError:
            self._machine.close()
        finally:
            self._rest()

    def _rest(self) -> None:
        """A task is over: go on with what has come meanwhile."""
        self._task = None
        if self._session.is_over:
            self._machine.close(parting.STOPPING if self._is_stopping else b"")
        if self._is_lost:
            self._session.close()
        self._go_on()

    async def _answer(self, event: Event) -> Event | None:
        """Carry out a command, or end IDLE; what is to be done next."""
        session, was_stranger = self._session, self._session.logged_in is None
        self._due.busy_since = self._loop.time()
        if isinstance(event, Asked):
            await carry_out(session, event.tag, event.command)
        else:
            await end_idle(session, event.data)
        self._due.busy_since, self._due.touched_at = None, self._loop.time()
        if session.logged_in is None and not was_stranger:
            self._due.stranger_since = self._due.touched_at
        if session.is_over or self._machine.is_closed:
            return None
        if session.news.is_idle:
            self._machine.ask_line(b"Waiting")
            self._is_woken = True  # what has changed before is told now
        else:
            self._machine.finish()
        if session.wants_tls:
            self._start_tls()
            return None
        if session.wants_compression:
            session.wants_compression = False
            self._flush()
            self._channel.compression = Compression()
            session.is_compressed = True
        await self.drain()
        return self._next_event()

    def _start_tls(self) -> None:
        """Say that TLS may begin. Whatever came with the command, or behind it, in the clear is forgotten."""
        handshakes = self._keeper.handshakes
        assert handshakes is not None
        self._session.wants_tls = False
        self._machine.discard_input()
        self._channel.is_upgrading = True
        start_tls(self._channel.transport, self, handshakes, self._machine.data_to_send())

    def _flush(self) -> None:
        channel = self._channel
        if not channel.is_open:
            return
        channel.send(self._machine.data_to_send())
        if self._machine.is_closed and self._task is None:
            self._due.touched_at = self._loop.time()
            channel.transport.close()
            if self._is_stopping:  # RFC 8446 §6.1: the loops wait for a peer to close TLS, who may be asleep
                self._loop.call_later(_PARTING_SECONDS, channel.transport.abort)
        else:
            self._set_reading()

    def _set_reading(self) -> None:
        # While a command is carried out, one piece may come in; the next is left to the kernel, and the peer.
        self._channel.read(wanted=self._machine.wants_data or self._question.is_open)

    # --- what the session asks for

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""
        return self._channel.is_encrypted

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind."""
        return self._channel.bindings

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS would do something. TLS goes below compression: it cannot begin on top of it."""
        channel = self._channel
        return self._keeper.handshakes is not None and not channel.is_encrypted and channel.compression is None

    async def drain(self) -> None:
        """Send what was said, and wait while the peer does not take it."""
        self._flush()
        if not self._channel.is_taken:
            await self._channel.taken()
        if self._is_lost:
            raise ConnectionError("the client is gone")

    async def next_line(self, prompt: bytes) -> bytes:
        """Send a continuation request; the line that the client answers. Raises ConnectionError when it is gone."""
        if self._is_lost or self._machine.is_closed:
            raise ConnectionError("the client is gone")

        def say() -> None:
            self._machine.ask_line(prompt)
            self._give_line()  # it may have come already
            self._flush()

        return await self._question.ask(say)

    # --- what the listener says

    def stop(self) -> None:
        """End the conversation with a BYE, after the command that is being carried out (RFC 9051 §7.1.5)."""
        self._is_stopping = True
        if self._channel.is_upgrading:
            self.abort()
        elif self._task is None or self._question.is_open:
            self.end(parting.STOPPING)
        else:
            self._session.is_over = True  # the command ends, and then it is said

    def abort(self) -> None:
        """End it now."""
        self._channel.transport.abort()

    def check_time(self, now: float, settings: ImapSettings) -> None:
        """End a conversation whose peer is silent, and cut off a peer that does not take the last responses."""
        words = self._due.parting(now, settings, self._session, self._channel, is_asking=self._question.is_open)
        if words == ABORT:
            self.abort()
        elif words is not None:
            self.end(words)
        elif not (self._question.is_open or self._session.is_in_response) and self._due.takes_long(now):
            self._machine.send(self._session.progress_line())
            self._flush()

    def end(self, words: bytes) -> None:
        """Say BYE, and hang up."""
        self._machine.close(b"" if self._session.is_in_response else words)
        self._question.fail("the conversation is over")
        self._flush()
