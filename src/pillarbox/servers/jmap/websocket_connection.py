"""One WebSocket: requests answered side by side, pings, and the end of it (RFC 8887 §4.3, RFC 6455 §5.5, §7).

There is no task and no buffer for a connection that is idle: thousands may be open.
"""

from __future__ import annotations

import asyncio
from typing import cast

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.upgraded import Upgraded
from pillarbox.servers.jmap.concurrency import Untaken
from pillarbox.servers.jmap.open_sockets import OpenSockets
from pillarbox.servers.jmap.websocket_message import Asked, PushEnable, Refused, error_message, read_message
from pillarbox.servers.jmap.websocket_patience import Patience
from pillarbox.servers.jmap.websocket_push import Push
from pillarbox.services.held import Held
from pillarbox.wire.websocket.deflate import Deflate
from pillarbox.wire.websocket.frame import CloseCode, Failure, Opcode, close_frame, frame
from pillarbox.wire.websocket.receiver import Close, Ping, Receiver, Text

_LARGE = 65_536  # octets of an unfinished message, of which an account may have only so many


class WebSocketConnection(Upgraded):
    """The conversation with one client."""

    __slots__ = (
        "_account", "_checked_at", "_deflate", "_held", "_is_ending", "_is_large", "_is_paused", "_patience", "_push",
        "_receiver", "_running", "_sockets", "_transport", "_unheard", "_untaken",
    )  # fmt: skip

    def __init__(self, sockets: OpenSockets, held: Held, deflate: Deflate | None) -> None:
        self._sockets, self._held, self._deflate = sockets, held, deflate
        self._account = held.login.caller.account
        self._receiver: Receiver | None = Receiver(sockets.calls.limits.max_size_request, deflates=deflate is not None)
        self._push: Push | None = None
        self._unheard: list[bytes] = []  # messages that came while the login is looked at
        self._running = 0  # requests that are not answered yet
        self._untaken = Untaken(sockets.calls.concurrency)
        self._is_ending = self._is_paused = self._is_large = False
        self._checked_at = 0.0
        self._patience = Patience(sockets.timing.patience)

    # --- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._checked_at = _now()
        self._patience.heard(self._checked_at, is_answer=False)
        self._sockets.add(self)
        try:
            self._sockets.streams.enter(self._account)
        except Problem as problem:  # another one was quicker
            self._account = ""
            self.end(CloseCode.TRY_AGAIN_LATER, problem.detail)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; its requests are finished, and their answers dropped."""
        super().connection_lost(exc)
        self._is_ending = True
        self._sockets.remove(self)
        self._stop_push()
        self._let_go_of_large()
        self._is_paused = False
        self._untaken.let_go()
        if self._account:
            self._sockets.streams.leave(self._account)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; of several pings the last is answered (RFC 6455 §5.5.3)."""
        if self._receiver is None:
            return
        self._patience.heard(_now(), is_answer=not self._is_ending)
        ping: bytes | None = None
        try:
            for event in self._receiver.receive(data):
                if isinstance(event, Close):
                    self._closed_by_client(event)
                    return
                if isinstance(event, Ping):
                    ping = event.data
                elif isinstance(event, Text) and not self._is_ending:
                    self._hear(event.data)
            self._note_message(self._receiver)
        except Failure as failure:
            self._fail(failure)
        if ping is not None:
            self.send(frame(Opcode.PONG, ping))

    def pause_writing(self) -> None:
        """The client does not read: take no further requests from it, and hold pushes back."""
        self._is_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_paused = False
        self._untaken.let_go()
        self._patience.heard(_now(), is_answer=not self._is_ending)
        self._patience.reads_again()
        if not self._transport.is_closing():
            if not self._unheard:
                self._transport.resume_reading()
            if self._push is not None:
                self._push.tell()

    def send(self, octets: bytes) -> None:
        """Send a frame, unless the last one is sent."""
        if not self._is_ending:
            self._transport.write(octets)

    @property
    def is_paused(self) -> bool:
        """Whether the client has enough to read."""
        return self._is_paused

    # --- requests

    def _hear(self, data: bytes) -> None:
        """Take a message from who may still send some; while that is looked at, no more is read."""
        if not self._unheard and not self.is_due:
            self._take(data)
            return
        self._unheard.append(data)
        if len(self._unheard) == 1:
            self._transport.pause_reading()
            self._sockets.keep(asyncio.create_task(self._hear_later()))

    async def _hear_later(self) -> None:
        try:
            await self._sockets.gate.settle(self._held)
        finally:
            waiting, self._unheard = self._unheard, []
        for data in waiting:
            if not self._is_ending:
                self._take(data)
        if not self._is_paused and not self._transport.is_closing():
            self._transport.resume_reading()
        self._stop_if_idle()

    def _take(self, data: bytes) -> None:
        caller = self.check()
        if caller is None:
            return
        concurrency = self._sockets.calls.concurrency
        try:
            message = read_message(data, self._sockets.calls.decode)
            if isinstance(message, Asked):
                try:
                    concurrency.enter(caller.account)
                except Problem as problem:
                    raise Refused(problem, message.id) from None
                self._running += 1
                self._sockets.keep(asyncio.create_task(self._answer(message, caller)))
                return
        except Refused as refused:
            self.send(frame(Opcode.TEXT, error_message(refused.problem, refused.id)))
            return
        self._stop_push()
        if isinstance(message, PushEnable):
            self._push = Push(self, self._sockets, caller, message)

    async def _answer(self, asked: Asked, caller: Caller) -> None:
        try:
            octets = await self._sockets.answer(asked, caller, self._deflate)
            self.send(octets)
        finally:
            self._running -= 1
            self._untaken.answered(caller.account, waits=self._is_paused)
            self._stop_if_idle()

    @property
    def is_due(self) -> bool:
        """Whether the login should be looked at again before it is used."""
        return self._sockets.gate.is_due(self._held)

    async def check_again(self) -> Caller | None:
        """Who this is by now; None, as it is ending."""
        await self._sockets.gate.settle(self._held)
        return self.check() if not self._is_ending else None

    def check(self) -> Caller | None:
        """Who this is as far as is known; the connection ends when the login no longer holds."""
        try:
            caller = self._sockets.gate.check(self._held)
        except Fault as fault:
            self.end(CloseCode.TRY_AGAIN_LATER, str(fault))
            return None
        if caller is None:
            # RFC 8887 §4.1: what comes after the login has lapsed is not authenticated. RFC 6455 §7.4.1: 1008.
            self.end(CloseCode.POLICY_VIOLATION, "the login no longer holds")
        return caller

    def _stop_push(self) -> None:
        if self._push is not None:
            self._push.close()
            self._push = None

    # --- now and then

    def look(self, now: float) -> None:
        """Ask a silent client whether it is there; give up who does not answer, stalls, or may no longer be here."""
        if self._is_stuck(now):
            self.abort()
            return
        timing = self._sockets.timing
        if self._is_ending or self._is_paused:
            return
        if now - self._checked_at >= timing.recheck:
            self._checked_at = now
            self._sockets.keep(asyncio.create_task(self._look_at_login()))
        if self._patience.is_silent(now, timing.idle):
            self._patience.expect(now)
            self.send(frame(Opcode.PING))

    async def _look_at_login(self) -> None:
        caller = await self.check_again()
        if caller is not None and self._push is not None:
            self._push.follow(caller)

    def _is_stuck(self, now: float) -> bool:
        if self._is_paused:
            return self._patience.is_stalled(now, self._transport.get_write_buffer_size())
        return self._patience.is_late(now, self._receiver.held if self._receiver is not None else 0)

    def _note_message(self, receiver: Receiver) -> None:
        """Note since when a message is unfinished; large ones count like requests, for they take memory."""
        if not receiver.is_amid:
            self._patience.message_is_over()
            self._let_go_of_large()
            return
        self._patience.message_goes_on(_now())
        if receiver.held > _LARGE and not self._is_large:
            try:
                self._sockets.large.enter(self._account)
            except Problem as problem:
                raise Failure(CloseCode.TRY_AGAIN_LATER, problem.detail) from None
            self._is_large = True

    def _let_go_of_large(self) -> None:
        if self._is_large:
            self._is_large = False
            self._sockets.large.leave(self._account)

    # --- the end

    def end(self, code: CloseCode, reason: str) -> None:
        """Send the last frame, and wait for the client's."""
        if self._is_ending:
            return
        self.send(close_frame(code, reason))
        self._is_ending = True
        self._patience.expect(_now())
        self._stop_push()

    def _fail(self, failure: Failure) -> None:
        """RFC 6455 §7.1.7: say why, and read no more of it. Closing at once could cost the client our last word."""
        self.end(failure.code, failure.reason)
        self._receiver = None
        self._let_go_of_large()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def _closed_by_client(self, event: Close) -> None:
        # RFC 6455 §5.5.1: an endpoint that has not sent a Close frame "MUST send a Close frame in response".
        if not self._is_ending:
            self.end(CloseCode.NO_STATUS if event.code == CloseCode.NO_STATUS else CloseCode.NORMAL, "")
        self._transport.close()

    def shutdown(self) -> None:
        """The server stops: answer what was asked, then go away."""
        self._sockets.is_stopping = True
        self._stop_if_idle()

    def _stop_if_idle(self) -> None:
        if self._sockets.is_stopping and not self._running and not self._unheard:
            self.end(CloseCode.GOING_AWAY, "the server stops")

    def abort(self) -> None:
        """End it without a word."""
        self._transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
