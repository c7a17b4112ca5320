"""All open WebSockets of a process: what they share, who looks after the idle ones, and how they end together."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Protocol

from pillarbox.core import slow
from pillarbox.core.account import Caller
from pillarbox.core.operation import Operation, become
from pillarbox.net.bridge import Bridge
from pillarbox.servers.http import compression
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.jmap.api import Calls, response
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.servers.jmap.timing import Timing
from pillarbox.servers.jmap.websocket_message import Asked, error_message, response_message
from pillarbox.services.push_state import PushedTypes
from pillarbox.wire.websocket.deflate import Deflate
from pillarbox.wire.websocket.frame import Opcode, frame

_log = logging.getLogger("pillarbox.websocket")
_SLICE = 100  # connections that are looked at before others have their turn
_STOP_SECONDS = 3.0


class Socket(Protocol):
    """A connection, as far as it is looked after here."""

    def look(self, now: float) -> None:
        """Look whether the client is there, and still may be."""

    def shutdown(self) -> None:
        """Come to an end."""

    def abort(self) -> None:
        """End without a word."""


class OpenSockets:
    """The connections, and what each of them needs of the house."""

    def __init__(
        self, gate: Gate, bridge: Bridge, calls: Calls, pushed: PushedTypes, timing: Timing, compress_from: int
    ) -> None:
        """Messages of at least `compress_from` octets are compressed where the client allows it; 0 turns it off."""
        self.gate, self.bridge, self.calls, self.pushed, self.timing = gate, bridge, calls, pushed, timing
        self._compress_from = compress_from
        self.streams = Concurrency("webSockets", calls.limits.max_open_streams, calls.counts)
        most = calls.limits.max_concurrent_requests
        self.large = Concurrency("maxConcurrentRequests", most, calls.counts, "large messages")
        self._open: set[Socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.Task[None] | None = None
        self.is_stopping = False
        self._run = "w" + os.urandom(4).hex()
        self._requests = 0

    def add(self, connection: Socket) -> None:
        """Look after one more."""
        self._open.add(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep())

    def remove(self, connection: Socket) -> None:
        """It is gone."""
        self._open.discard(connection)
        if not self._open and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def answer(self, asked: Asked, caller: Caller, deflate: Deflate | None) -> bytes:
        """The frame that answers a request."""
        operation = self._operation(caller)
        become(operation)
        result, given = "200", asked.request
        try:
            conversation, state = await self.calls.run(caller, given)
            told = response(conversation, state, with_created_ids=given.created_ids is not None)
            return await self._framed(deflate, response_message(asked.id, told))
        except Exception:  # noqa: BLE001 -- whatever happened, the client gets an answer and the log the reason
            _log.exception("request %s over WebSocket failed", operation.id)
            result = "500"
            problem = Problem(500, f"the server failed; its log says more under {operation.id}")
            return frame(Opcode.TEXT, error_message(problem, asked.id))
        finally:
            slow.finish(operation, result)

    def _operation(self, caller: Caller) -> Operation:
        """What a request is called in the log."""
        self._requests += 1
        out = Operation("websocket", f"{self._run}-{self._requests:x}")
        out.name, out.account, out.login = "websocket", caller.account, caller.username
        return out

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done, though nobody waits for it."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a WebSocket's task failed", exc_info=error)

    async def _framed(self, deflate: Deflate | None, data: bytes) -> bytes:
        """A message as the client wants it; a long one is compressed in a thread."""
        if deflate is None or not self._compress_from or len(data) < self._compress_from:
            return frame(Opcode.TEXT, data)
        if len(data) > compression.SLOW_OCTETS:
            packed: bytes = await self.bridge.run(deflate.compress, data)
        else:
            packed = deflate.compress(data)
        return frame(Opcode.TEXT, packed, is_compressed=True)

    async def _sweep(self) -> None:
        """Look after idle connections, for ever. One look at all of them costs less than a timer for each."""
        while True:
            await asyncio.sleep(self.timing.sweep)
            await self.look()

    async def look(self) -> None:
        """Look at all once: whether they are there, and whether they still may be."""
        connections = list(self._open)
        for start in range(0, len(connections), _SLICE):
            now = asyncio.get_running_loop().time()
            for connection in connections[start : start + _SLICE]:
                connection.look(now)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Let requests finish, say goodbye to all, and come back when they are gone, or after some seconds."""
        for connection in list(self._open):
            connection.shutdown()
        end = asyncio.get_running_loop().time() + _STOP_SECONDS
        while self._open and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 -- once, at the end
            await asyncio.sleep(0.01)
        for connection in list(self._open):
            connection.abort()
        self.is_stopping = False
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
