"""What a handler gives back: an answer that is whole, or one that is told piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec

from pillarbox.servers.http.upgraded import Upgraded

Header = tuple[bytes, bytes]

# What is not said otherwise: nothing is cached, sniffed, framed, run, or told to the next site.
NO_STORE: Header = (b"cache-control", b"no-store")
SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
LOCKED: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
JSON: tuple[Header, ...] = ((b"content-type", b"application/json"),)


class Answer(msgspec.Struct):
    """An answer with its body. `compressible` says that gzip may be worth its while."""

    status: int
    headers: Sequence[Header] = ()
    body: bytes = b""
    compressible: bool = False
    content_length: int | None = None  # when the body is left out, as for HEAD, or comes in pieces
    pieces: AsyncGenerator[bytes, None] | None = None  # the body, when it is large


class Stream(msgspec.Struct):
    """An answer without a known end: pieces are sent as they come; the iterator is closed when the client goes."""

    status: int
    headers: Sequence[Header]
    pieces: AsyncIterator[bytes]


class Upgrade(msgspec.Struct):
    """The last answer in HTTP: what `protocol` makes takes the connection over (RFC 9110 §7.8)."""

    headers: Sequence[Header]
    protocol: Callable[[], Upgraded]
    close: Callable[[], Awaitable[None]]  # ends all connections that were taken over so
    status: int = 101


def json_answer(value: Any, status: int = 200, headers: Sequence[Header] = ()) -> Answer:
    """An answer with a JSON document."""
    return Answer(status, (*JSON, *headers), msgspec.json.encode(value), compressible=True)
