"""One request and its answer on a connection: uvicorn's cycle with a short way for answers of a known length.

uvicorn checks each header by two regular expressions and writes head and body apart: some 15 % of a small request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from pillarbox.servers.http.answer import Header
from pillarbox.servers.http.problem import Problem

_STOPPING = Problem(
    503,
    "the server stops; whether what was asked for was done is not known",
    headers=((b"retry-after", b"5"),),
)


class Exchange(RequestResponseCycle):
    """Holds the head back until the body comes, and sends them as one."""

    held: bytes | None = None
    left = -1  # octets of the body to come; negative for an answer of unknown length

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Answer the request."""

        async def answered(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                self._cut_off()

        await super().run_asgi(answered)

    def _cut_off(self) -> None:
        """The server stops, and has waited for as long as it may: say so, or end an answer that has begun."""
        if not self.transport.is_closing():
            if self.held is not None or not self.response_started:
                self.transport.write(_STOPPING.last_words())
            self.transport.close()
        self.held, self.disconnected = None, True  # nothing more is sent

    async def send(self, message: Any) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self.left = _length(message["headers"])
        if self.left < 0:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _begin(self, status: int, headers: list[Header]) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        every = [*self.default_headers, *headers]
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            every.append((b"connection", b"close"))
        self.held = head_of(status, every)

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.response_complete:
            raise RuntimeError("the answer is complete")
        if self.scope["method"] == "HEAD":
            body, self.left = b"", 0
        self.left -= len(body)
        if self.left < 0 or (self.left and not more):
            raise RuntimeError("the body's length is not what its head said")
        self.transport.write(self.held + body if self.held else body)
        self.held = None
        if more:
            return
        self.response_complete, self.left = True, 0
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def head_of(status: int, headers: Sequence[Header]) -> bytes:
    """The octets of an answer's head."""
    head = b"".join([STATUS_LINE[status], *[b"%b: %b\r\n" % header for header in headers]])
    # RFC 9110 §5.5: a value has no CR, LF or NUL; one that got here would be another header or another answer.
    lines = len(headers) + 1
    if head.count(b"\r") != lines or head.count(b"\n") != lines or b"\0" in head:
        raise RuntimeError("a header's value has a line break")
    return head + b"\r\n"


def _length(headers: Iterable[Header]) -> int:
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return -1
