"""TLS on real sockets, with real clients: who gets a connection, who does not, and what becomes of those that hang."""

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from typing import cast

import pytest

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.handshake import Handshakes
from pillarbox.net.observed import HANDSHAKES
from pillarbox.net.tls import HTTP, IMAP, TlsContexts, channel_binding
from tests.net.tls_fixture import Client, InMemory, Run
from tests.support.certificate_files import CertificateFiles, hosts_of


class Echo(asyncio.Protocol):
    """Says what the connection is, and then what it hears."""

    made: list["Echo"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's of TLS is none by its class
        self.made.append(self)
        binding = channel_binding(transport.get_extra_info("ssl_object"))
        self.transport.write(b"tls\n" if binding else b"clear\n")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.made.remove(self)


class Place:
    """A listener in the clear, one with TLS, and who is connected."""

    def __init__(self, contexts: TlsContexts, alpn: str = IMAP, **options: float) -> None:
        self.made: list[Echo] = []
        self._clear, self._secure = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.clear_port, self.port = self._clear.getsockname()[1], self._secure.getsockname()[1]
        handshakes = Handshakes(contexts, alpn, to_others=lambda octets: b"no: " + octets, **options)  # type: ignore[arg-type]
        secure = Secure([self._secure], handshakes)
        self.acceptor = Acceptor([self._clear], self._make, lambda: len(self.made), secure=secure)

    def _make(self) -> Echo:
        echo = Echo()
        echo.made = self.made
        return echo


@contextlib.asynccontextmanager
async def listening(contexts: TlsContexts, alpn: str = IMAP, **options: float) -> AsyncIterator[Place]:
    place = Place(contexts, alpn, **options)
    place.acceptor.start()
    try:
        yield place
    finally:
        await place.acceptor.stop()
        for echo in list(place.made):
            echo.transport.abort()
        while place.made:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)


def ended(alpn: str, end: str) -> float:
    return next((s.value for s in HANDSHAKES.samples() if s.labels == {"protocol": alpn, "end": end}), 0.0)


def test_a_client_gets_the_certificate_of_the_name_it_asks_for(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        contexts = files.contexts(files.write("a.pem", "localhost"), files.write("b.pem", "*.example.org"))
        async with listening(contexts) as place:
            for asked, shown in {"localhost": "localhost", "imap.example.org": "*.example.org"}.items():
                client = await Client.connect(place.port, files.client("imap"), asked)
                assert hosts_of(client.tls) == [shown]
                assert client.tls.selected_alpn_protocol() == "imap"
                assert await client.reader.readline() == b"tls\n"
                assert await client.ask(b"hello\n") == b"hello\n"
                await client.close()
            # An unknown name is shown the default certificate, which the client may find wrong.
            with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'unknown\.example'"):
                await Client.connect(place.port, files.client(), "unknown.example")

    run(body)


def test_one_acceptor_has_sockets_with_and_without_tls(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost"))) as place:
            clear = await Client.connect(place.clear_port)
            assert await clear.reader.readline() == b"clear\n"
            secure = await Client.connect(place.port, files.client())
            assert await secure.reader.readline() == b"tls\n"
            assert len(place.made) == 2
            await clear.close()
            await secure.close()

    run(body)


def test_connections_stay_when_certificates_change(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        contexts = files.contexts(files.write("a.pem", "localhost"))
        async with listening(contexts) as place:
            before = await Client.connect(place.port, files.client())
            await before.reader.readline()
            files.write("a.pem", "localhost", "new.example.org")
            contexts.reload()
            assert await before.ask(b"still here\n") == b"still here\n"
            after = await Client.connect(place.port, files.client(), "new.example.org")
            assert hosts_of(after.tls) == ["localhost", "new.example.org"]
            await before.close()
            await after.close()

    run(body)


def test_a_client_with_foreign_protocols_is_told_so_and_sent_away(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        before = ended(IMAP, "foreign_protocol")
        async with listening(files.contexts(files.write("a.pem", "localhost"))) as place:
            with pytest.raises(ssl.SSLError, match="no application protocol"):
                await Client.connect(place.port, files.client("h2", "http/1.1"))
            client = await Client.connect(place.port, files.client("h2", "imap"))
            assert client.tls.selected_alpn_protocol() == "imap"
            await client.close()
        assert ended(IMAP, "foreign_protocol") == before + 1

    run(body)


def test_a_client_that_speaks_no_tls_hears_one_sentence_at_most(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost")), HTTP) as place:
            client = await Client.connect(place.port)
            client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await client.rest() == b"no: GET / HTTP/1.1\r\n\r\n"
            assert not place.made
            await client.close()

    run(body)


def test_a_client_hello_in_pieces_is_waited_for(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost"))) as place:
            client = await Client.connect(place.port)
            talk = InMemory(files.client("imap"))
            octets = talk.said()
            for at in range(0, len(octets), 100):
                client.writer.write(octets[at : at + 100])
                await client.writer.drain()
                await asyncio.sleep(0)
            await talk.finish(client)
            client.writer.write(talk.said())
            assert await talk.read(client) == b"tls\n"
            assert talk.tls.selected_alpn_protocol() == "imap"
            await client.close()

    run(body)


@pytest.mark.parametrize("how_far", ["nothing", "half a hello", "a hello"])
def test_a_client_that_does_not_go_on_is_cut_off(run: Run, files: CertificateFiles, how_far: str) -> None:
    async def body() -> None:
        before = ended(IMAP, "late")
        hello = InMemory(files.client()).said()
        octets = {"nothing": b"", "half a hello": hello[:100], "a hello": hello}[how_far]
        async with listening(files.contexts(files.write("a.pem", "localhost")), seconds=0.1) as place:
            client = await Client.connect(place.port)
            client.writer.write(octets)
            heard = await client.rest()
            assert bool(heard) == (octets == hello)  # the server's part of the handshake
            await client.close()
            assert not place.made
        assert ended(IMAP, "late") == before + 1

    run(body)


@pytest.mark.parametrize("how_far", ["nothing", "half a hello", "a hello"])
def test_a_client_that_goes_away_leaves_nothing_behind(run: Run, files: CertificateFiles, how_far: str) -> None:
    async def body() -> None:
        hello = InMemory(files.client()).said()
        octets = {"nothing": b"", "half a hello": hello[:100], "a hello": hello}[how_far]
        async with listening(files.contexts(files.write("a.pem", "localhost")), seconds=0.3) as place:
            client = await Client.connect(place.port)
            client.writer.write(octets)
            await client.close()
            while not place.acceptor._opening:  # noqa: ASYNC110 -- turns of the loop, no time
                await asyncio.sleep(0)
            await asyncio.gather(*place.acceptor._opening)
            assert not place.made
            assert not place.acceptor._count

    run(body)


def test_too_many_handshakes_end_the_oldest_and_not_the_newest(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost")), at_once=2) as place:
            idle = [await Client.connect(place.port) for _ in range(2)]
            client = await Client.connect(place.port, files.client())
            assert await idle[0].rest() == b""
            assert await client.reader.readline() == b"tls\n"
            assert not idle[1].reader.at_eof()
            for one in (*idle, client):
                await one.close()

    run(body)


def test_who_has_no_common_version_is_sent_away(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        before = ended(IMAP, "failed")
        old = files.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with listening(files.contexts(files.write("a.pem", "localhost"), min_version="1.3")) as place:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await Client.connect(place.port, old)
        assert ended(IMAP, "failed") == before + 1

    run(body)


def test_a_listener_that_stops_does_not_wait_for_those_that_hang(
    run: Run, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.net.accept._LAST_SECONDS", 0.01)

    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost"))) as place:
            idle = await Client.connect(place.port)
            while not place.acceptor._opening:  # noqa: ASYNC110 -- turns of the loop, no time
                await asyncio.sleep(0)
            await place.acceptor.stop()
            assert await idle.rest() == b""
            await idle.close()

    run(body)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl program")
def test_openssl_is_content(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files.contexts(files.write("a.pem", "localhost"))) as place:
            words = ["-connect", f"127.0.0.1:{place.port}", "-servername", "localhost", "-alpn", "imap", "-brief"]
            process = await asyncio.create_subprocess_exec(
                "openssl", "s_client", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            said, _ = await process.communicate(b"")
            assert b"Protocol version: TLSv1.3" in said, said
            assert b"Ciphersuite: TLS_" in said

    run(body)
