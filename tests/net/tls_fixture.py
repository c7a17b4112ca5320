"""What tests of TLS on sockets share: both event loops, certificates, and a client."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from tests.support.certificate_files import CertificateFiles

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
Body = Callable[[], Awaitable[None]]
Run = Callable[[Body], None]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test's body on each of the loops that a server may have."""

    def bounded(body: Body) -> None:
        async def main() -> None:
            async with asyncio.timeout(30):
                await body()

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main())

    return bounded


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """Certificates of one's own."""
    return CertificateFiles(tmp_path)


class Client:
    """One that speaks TLS at once, or with `context=None` never, or later."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext | None = None, name: str = "localhost") -> "Client":
        server_name = name if context is not None else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=server_name))

    @property
    def tls(self) -> ssl.SSLObject:
        found: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        return found

    async def ask(self, octets: bytes) -> bytes:
        self.writer.write(octets)
        return await self.reader.readline()

    async def rest(self) -> bytes:
        """All that the server says until it closes."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            return await self.reader.read()
        return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


class InMemory:
    """A client's TLS whose octets the test carries; it has said its first words."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()

    def said(self) -> bytes:
        """What it wants to say."""
        return self._outgoing.read()

    async def finish(self, client: Client) -> None:
        """Shake hands; what it says last is left to `said`."""
        while True:
            self._incoming.write(await client.reader.read(65_536))
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                client.writer.write(self.said())
            else:
                return

    async def read(self, client: Client) -> bytes:
        """The next words of the server."""
        while True:
            try:
                return self.tls.read()
            except ssl.SSLWantReadError:
                self._incoming.write(await client.reader.read(65_536))
