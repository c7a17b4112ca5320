"""HTTP over TLS on a real socket: what is the same, what is said besides, and who came without TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from pillarbox.servers.http.listener import HttpListener, https
from pillarbox.servers.http.settings import HttpSettings
from tests.servers.http.test_listener import EVENTS, REQUEST, Client, connections
from tests.servers.web_fixture import Web, WebMaker, basic
from tests.support.certificate_files import CertificateFiles

SESSION = f"GET /jmap/session HTTP/1.1\r\nHost: mail.example.org\r\nAuthorization: {basic('alice')}\r\n\r\n".encode()


class Place:
    """The ports of a listener, without and with TLS."""

    def __init__(self, listener: HttpListener, clear: int, port: int, files: CertificateFiles) -> None:
        self.listener, self.clear, self.port, self.files = listener, clear, port, files

    async def connect(self, *protocols: str) -> Client:
        context = self.files.client(*protocols)
        return Client(
            *await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="mail.example.org")
        )


@contextlib.asynccontextmanager
async def listening(web: Web, folder: Path) -> AsyncIterator[Place]:
    files = CertificateFiles(folder)
    contexts = files.contexts(files.write("a.pem", "mail.example.org"))
    clear, secure = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    ports = clear.getsockname()[1], secure.getsockname()[1]
    listener = HttpListener(web.app, [clear], secure=https(contexts, [secure]))
    await listener.start()
    try:
        yield Place(listener, *ports, files)
    finally:
        await listener.stop()


def test_requests_are_answered_over_tls_and_addresses_begin_with_https(web: Web, tmp_path: Path) -> None:
    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client = await place.connect("h2", "http/1.1")
            tls: ssl.SSLObject = client.writer.get_extra_info("ssl_object")
            assert tls.selected_alpn_protocol() == "http/1.1"
            assert (await client.ask(REQUEST)).status == 200
            assert (await client.ask(SESSION)).json()["apiUrl"] == "https://mail.example.org/jmap/api"
            plain = await Client.connect(place.clear)
            assert (await plain.ask(SESSION)).json()["apiUrl"] == "http://mail.example.org/jmap/api"
            assert len(connections(place.listener)) == 2
            await client.close()
            await plain.close()

    web.run(talk())


def test_an_event_stream_is_live_over_tls_and_ends_with_the_listener(web: Web, tmp_path: Path) -> None:
    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client = await place.connect()
            client.writer.write(EVENTS)
            assert (await client.head()).status == 200
            await client.reader.readuntil(b"\n\n")
            await place.listener.stop()
            await client.reader.read()
            await client.close()

    web.run(talk())


def test_an_idle_client_that_does_not_answer_does_not_hold_up_a_listener_that_stops(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.servers.http.connection._LINGER_SECONDS", 0)

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        async with listening(web, tmp_path) as place:
            plain = await loop.run_in_executor(None, socket.create_connection, ("127.0.0.1", place.port))
            shake = partial(place.files.client().wrap_socket, plain, server_hostname="mail.example.org")
            with await loop.run_in_executor(None, shake) as client:  # it reads nothing unless it is told to
                await loop.run_in_executor(None, client.send, SESSION)
                await loop.run_in_executor(None, client.recv, 1)
                await place.listener.stop()
                assert not connections(place.listener)

    web.run(talk())


def test_only_what_is_said_over_tls_asks_for_tls_from_now_on(make_web: WebMaker, tmp_path: Path) -> None:
    web = make_web(HttpSettings(hsts_seconds=86_400))

    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client, plain = await place.connect(), await Client.connect(place.clear)
            assert (await client.ask(SESSION)).header("strict-transport-security") == "max-age=86400"
            assert (await plain.ask(SESSION)).header("strict-transport-security") == ""
            await client.close()
            await plain.close()

    web.run(talk())


def test_nothing_is_asked_unless_the_settings_say_so(web: Web, tmp_path: Path) -> None:
    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client = await place.connect()
            assert (await client.ask(SESSION)).header("strict-transport-security") == ""
            await client.close()

    web.run(talk())


def test_http_without_tls_is_told_that_the_port_speaks_tls(web: Web, tmp_path: Path) -> None:
    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client = await Client.connect(place.port)
            reply = await client.ask(SESSION)
            assert reply.problem() == (400, "blank")
            assert "https://" in reply.json()["detail"]
            assert await client.reader.read() == b""
            await client.close()

    web.run(talk())


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"a LOGIN b c\r\n", b"SSH-2.0-x\r\n", b"\0\0", b"GET\r\n"])
def test_what_is_no_http_either_hears_nothing(web: Web, tmp_path: Path, octets: bytes) -> None:
    async def talk() -> None:
        async with listening(web, tmp_path) as place:
            client = await Client.connect(place.port)
            client.writer.write(octets)
            with contextlib.suppress(ConnectionError):
                assert await client.reader.read() == b""
            with contextlib.suppress(ConnectionError):
                await client.close()

    web.run(talk())
