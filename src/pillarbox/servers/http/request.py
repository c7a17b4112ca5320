"""One HTTP request as handlers see it (RFC 9110)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from pillarbox.servers.http.problem import Disconnected, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Request:
    """A request's method, path, headers and body. Names of headers are lower-case octets, as ASGI has them."""

    __slots__ = ("headers", "id", "method", "path", "place", "receive", "release", "scope")

    def __init__(self, scope: Scope, receive: Receive, id: str = "") -> None:
        self.scope = scope
        self.receive = receive
        self.id = id
        self.place = ""  # what it is counted under
        self.release: Callable[[], None] | None = (
            None  # what is to be done once the client has taken most of the answer
        )
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str:
        """A header's value as text, empty when it is not there."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, empty on a unix socket."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    def segments(self, prefix: str) -> list[str]:
        """The parts of the path after the prefix, each decoded by itself: a name may hold %2F (RFC 3986 §2.4)."""
        raw = (self.scope.get("raw_path") or self.path.encode()).decode("latin-1")
        return [unquote(part) for part in raw[len(prefix) :].split("/")]

    def query(self) -> dict[str, str]:
        """The query's variables as a URI template writes them: percent-encoded, and `+` is a plus (RFC 6570 §3.2.2)."""
        out: dict[str, str] = {}
        for pair in self.scope["query_string"].decode("latin-1").split("&"):
            name, _, value = pair.partition("=")
            out.setdefault(unquote(name), unquote(value))
        return out

    async def body(self, limit: int, refuse: Callable[[], Problem]) -> bytes:
        """The whole body. Raises what `refuse` makes before more than `limit` octets of it are read."""
        await self._check_body(limit, refuse)
        message = await self.receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            data: bytes = message.get("body", b"")
            if len(data) > limit:
                raise refuse()
            return data
        return b"".join([piece async for piece in self._gather(message, limit, refuse)])

    async def pieces(self, limit: int, refuse: Callable[[], Problem]) -> AsyncGenerator[bytes, None]:
        """The body as it comes, under the same conditions."""
        await self._check_body(limit, refuse)
        async for piece in self._gather(await self.receive(), limit, refuse):
            yield piece

    async def _check_body(self, limit: int, refuse: Callable[[], Problem]) -> None:
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise Problem(
                415, "a request's body is sent without a content coding", headers=((b"accept-encoding", b"identity"),)
            )
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await self._discard(limit)
            raise refuse()

    async def _gather(self, message: Message, limit: int, refuse: Callable[[], Problem]) -> AsyncGenerator[bytes, None]:
        size = 0
        while True:
            if message["type"] != "http.request":
                raise Disconnected
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                await self._discard(limit)
                raise refuse()
            yield piece
            if not message.get("more_body"):
                return
            message = await self.receive()

    async def _discard(self, limit: int) -> None:
        """Let a body that is not much too large pass by: a client that is still sending would not read the answer."""
        if b"expect" in self.headers:
            return
        left = limit
        while left > 0:
            message = await self.receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                return
            left -= len(message.get("body", b""))
