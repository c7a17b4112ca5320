"""A push service on loopback with TLS: it takes messages, and reads them as the client's browser would."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import http_ece
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.formats.webpush import base64url
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from tests.support.loopback import Authority, Received, read_request, serving

NAME = "push.example"


class Device:
    """A client's half of the encryption."""

    def __init__(self) -> None:
        self._key, self._auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.keys = {"p256dh": base64url.encode(point), "auth": base64url.encode(self._auth)}

    def read(self, request: Received) -> Any:
        """The message in a request."""
        assert request.headers["content-encoding"] == "aes128gcm"
        plain = http_ece.decrypt(  # type: ignore[no-untyped-call,unused-ignore]
            request.body, private_key=self._key, auth_secret=self._auth, version="aes128gcm"
        )
        return msgspec.json.decode(plain)


class PushService:
    """What was received, and what is answered: each path has its own list, and 201 when that is empty."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._every: asyncio.Queue[Received] = asyncio.Queue()
        self._received: dict[str, asyncio.Queue[Received]] = {}
        self.answers: dict[str, list[bytes]] = {}
        self.hold: dict[str, asyncio.Event] = {}
        self.port = 0
        self.count = 0

    def url(self, path: str = "/a") -> str:
        return f"https://{NAME}:{self.port}{path}"

    def client(self) -> GuardedClient:
        """A guarded client that can reach this service."""

        async def resolve(_name: str, _port: int) -> Sequence[str]:
            return ["127.0.0.1"]

        return GuardedClient(AddressPolicy(["127.0.0.1"]), ca_file=self._authority.file, resolve=resolve)

    async def next(self, path: str = "/a") -> Received:
        """The next request to a path."""
        async with asyncio.timeout(10):
            return await self._queue(path).get()

    async def any(self) -> Received:
        """The next request to whichever path, besides what `next` returns."""
        async with asyncio.timeout(10):
            return await self._every.get()

    def is_quiet(self, path: str = "/a") -> bool:
        """Whether there is no further request to a path yet."""
        return self._queue(path).empty()

    def _queue(self, path: str) -> asyncio.Queue[Received]:
        return self._received.setdefault(path, asyncio.Queue())

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        self.count += 1
        if request.target in self.hold:
            await self.hold[request.target].wait()
        answers = self.answers.get(request.target, [])
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % (answers.pop(0) if answers else b"201 Created"))
        await writer.drain()
        self._queue(request.target).put_nowait(request)
        self._every.put_nowait(request)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with serving(self._talk, self._authority.context(NAME)) as self.port:
            yield


def push_service(folder: Path) -> PushService:
    return PushService(Authority(folder))
