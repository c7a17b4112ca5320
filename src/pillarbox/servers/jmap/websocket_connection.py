"""One WebSocket: requests answered side by side, pings, and the end of it (RFC 8887 §4.3, RFC 6455 §5.5, §7).

There is no task and no buffer for a connection that is idle: thousands may be open.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from pillarbox.core import slow
from pillarbox.core.account import Caller
from pillarbox.core.operation import become
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.upgraded import Upgraded
from pillarbox.servers.jmap.api import response
from pillarbox.servers.jmap.open_sockets import OpenSockets
from pillarbox.servers.jmap.websocket_message import (
    Asked,
    PushEnable,
    Refused,
    error_message,
    read_message,
    response_message,
)
from pillarbox.servers.jmap.websocket_push import Push
from pillarbox.services.authentication import Held
from pillarbox.wire.websocket.deflate import Deflate
from pillarbox.wire.websocket.frame import CloseCode, Failure, Opcode, close_frame, frame
from pillarbox.wire.websocket.receiver import Close, Ping, Receiver, Text

_log = logging.getLogger("pillarbox.websocket")
_LARGE = 65_536  # octets of an unfinished message, of which an account may have only so many
_OCTETS_PER_SECOND = 4_096  # slower than this nobody need be who sends a message


class WebSocketConnection(Upgraded):
    """The conversation with one client."""

    __slots__ = (
        "_account",
        "_checked_at",
        "_deadline",
        "_deflate",
        "_heard_at",
        "_held",
        "_is_ending",
        "_is_large",
        "_is_paused",
        "_message_since",
        "_push",
        "_receiver",
        "_running",
        "_sockets",
        "_stalled_at",
        "_transport",
        "_unread",
    )

    def __init__(self, sockets: OpenSockets, held: Held, deflate: Deflate | None) -> None:
        self._sockets, self._held, self._deflate = sockets, held, deflate
        self._account = held.login.caller.account
        self._receiver: Receiver | None = Receiver(sockets.calls.limits.max_size_request, deflates=deflate is not None)
        self._push: Push | None = None
        self._running = 0  # requests that are not answered yet
        self._is_ending = self._is_paused = self._is_large = False
        self._heard_at = self._checked_at = 0.0
        self._deadline = 0.0  # until when the client has to answer our ping or our goodbye
        self._message_since = 0.0  # when an unfinished message began
        self._unread, self._stalled_at = 0, 0.0  # octets that wait for the client, and since when they do not shrink

    # --- the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._heard_at = self._checked_at = _now()
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
        if self._account:
            self._sockets.streams.leave(self._account)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; of several pings the last is answered (RFC 6455 §5.5.3)."""
        if self._receiver is None:
            return
        self._heard_at = _now()
        if not self._is_ending:
            self._deadline = 0.0
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
        self._heard_at, self._unread, self._stalled_at = _now(), 0, 0.0
        if not self._is_ending:
            self._deadline = 0.0
        if not self._transport.is_closing():
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
        calls, given = self._sockets.calls, asked.request
        operation = self._sockets.operation(caller)
        become(operation)
        result = "200"
        try:
            conversation, state = await calls.run(caller, given)
            told = response(conversation, state, with_created_ids=given.created_ids is not None)
            octets = await self._sockets.framed(self._deflate, response_message(asked.id, told))
        except Exception:  # noqa: BLE001 -- whatever happened, the client gets an answer and the log the reason
            _log.exception("request %s over WebSocket failed", operation.id)
            result = "500"
            problem = Problem(500, f"the server failed; its log says more under {operation.id}")
            octets = frame(Opcode.TEXT, error_message(problem, asked.id))
        finally:
            calls.concurrency.leave(caller.account)
            self._running -= 1
            slow.finish(operation, result)
        self.send(octets)
        if self._sockets.is_stopping and not self._running:
            self.end(CloseCode.GOING_AWAY, "the server stops")

    def check(self) -> Caller | None:
        """Who this is by now; the connection ends when the login no longer holds."""
        caller = self._sockets.gate.check(self._held)
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
            caller = self.check()
            if caller is None:
                return
            if self._push is not None:
                self._push.follow(caller)
        if not self._deadline and now - self._heard_at >= timing.idle:
            self._deadline = now + timing.patience
            self.send(frame(Opcode.PING))

    def _is_stuck(self, now: float) -> bool:
        patience = self._sockets.timing.patience
        if self._is_paused:  # nothing is read from such a client, so that nothing but progress can be asked of it
            unread = self._transport.get_write_buffer_size()
            if not self._stalled_at or unread < self._unread:
                self._unread, self._stalled_at = unread, now
            return now - self._stalled_at > patience
        if self._deadline and now > self._deadline:
            return True
        held = self._receiver.held if self._receiver is not None else 0
        return bool(self._message_since) and now - self._message_since > patience + held / _OCTETS_PER_SECOND

    def _note_message(self, receiver: Receiver) -> None:
        """Note since when a message is unfinished; large ones count like requests, for they take memory."""
        if not receiver.is_amid:
            self._message_since = 0.0
            self._let_go_of_large()
            return
        self._message_since = self._message_since or _now()
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
        self._deadline = _now() + self._sockets.timing.patience
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
        if not self._running:
            self.end(CloseCode.GOING_AWAY, "the server stops")

    def abort(self) -> None:
        """End it without a word."""
        self._transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
