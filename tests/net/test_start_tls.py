"""STARTTLS on real sockets: what was said in the clear is never heard under TLS."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from typing import cast

import pytest

from pillarbox.net.accept import Acceptor
from pillarbox.net.handshake import Handshakes
from pillarbox.net.start_tls import start_tls
from pillarbox.net.tls import POP3, channel_binding
from tests.net.tls_fixture import Client, InMemory, Run
from tests.support.certificate_files import CertificateFiles


class Talk(asyncio.Protocol):
    """A protocol of lines with a command STLS; any other line is answered with what the connection is."""

    def __init__(self, place: "Place") -> None:
        self.place = place
        self.heard: list[bytes] = []
        self.lost = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.place.talks.append(self)

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.heard.append(data)
        if data.startswith(b"STLS\n"):
            # What came with the command is thrown away: nothing of `data` is kept.
            start_tls(self.transport, self, self.place.handshakes, b"begin\n")
            return
        tls = self.transport.get_extra_info("ssl_object")
        self.transport.write((b"tls " if channel_binding(tls) else b"clear ") + data)

    def connection_secured(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.heard.append(b"(secured)")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost += 1
        self.place.ended.set()


class Place:
    """A listener in the clear whose connections may change to TLS."""

    def __init__(self, files: CertificateFiles, seconds: float) -> None:
        self.handshakes = Handshakes(files.contexts(files.write("a.pem", "localhost")), POP3, seconds=seconds)
        self.talks: list[Talk] = []
        self.ended = asyncio.Event()
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.acceptor = Acceptor([sock], lambda: Talk(self), lambda: 0)


@contextlib.asynccontextmanager
async def listening(files: CertificateFiles, seconds: float = 20) -> AsyncIterator[Place]:
    place = Place(files, seconds)
    place.acceptor.start()
    try:
        yield place
    finally:
        await place.acceptor.stop()
        for talk in place.talks:
            assert talk.transport is not None
            talk.transport.abort()
        while not all(talk.lost for talk in place.talks):  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)
        assert [talk.lost for talk in place.talks] == [1] * len(place.talks)


def test_a_connection_changes_to_tls(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"one\n") == b"clear one\n"
            assert await client.ask(b"STLS\n") == b"begin\n"
            await client.writer.start_tls(files.client("pop3"), server_hostname="localhost")
            tls = client.writer.get_extra_info("ssl_object")
            assert tls.selected_alpn_protocol() == "pop3"
            for _ in range(3):
                assert await client.ask(b"two\n") == b"tls two\n"
            await client.close()
            await place.ended.wait()
            assert place.talks[0].heard[:3] == [b"one\n", b"STLS\n", b"(secured)"]

    run(body)


def test_what_follows_the_command_in_the_clear_is_not_heard(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\nDELE 1\n") == b"begin\n"
            await client.writer.start_tls(files.client(), server_hostname="localhost")
            assert await client.ask(b"two\n") == b"tls two\n"
            assert place.talks[0].heard == [b"STLS\nDELE 1\n", b"(secured)", b"two\n"]
            await client.close()

    run(body)


def test_what_comes_in_the_clear_after_the_command_ends_the_connection(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            client.writer.write(b"DELE 1\n")
            assert await client.rest() == b""
            await place.ended.wait()
            assert place.talks[0].heard == [b"STLS\n"]
            await client.close()

    run(body)


def test_a_browser_that_somebody_leads_here_is_told_that_this_is_no_web_server(
    run: Run, files: CertificateFiles
) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            with pytest.raises((ssl.SSLError, ConnectionError), match="no application protocol"):
                await client.writer.start_tls(files.client("h2", "http/1.1"), server_hostname="localhost")
            await place.ended.wait()
            assert place.talks[0].heard == [b"STLS\n"]
            await client.close()

    run(body)


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01"])
def test_a_client_that_does_not_begin_is_cut_off(run: Run, files: CertificateFiles, octets: bytes) -> None:
    async def body() -> None:
        async with listening(files, seconds=0.1) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            client.writer.write(octets)
            await client.rest()
            await place.ended.wait()
            await client.close()

    run(body)


@pytest.mark.parametrize("says_hello", [False, True])
def test_a_client_that_goes_away_meanwhile_is_lost_once(run: Run, files: CertificateFiles, *, says_hello: bool) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            if says_hello:
                client.writer.write(InMemory(files.client()).said())
                await client.reader.readexactly(1)  # the server's answer begins
            await client.close()
            await place.ended.wait()
            assert b"(secured)" not in place.talks[0].heard

    run(body)


def test_a_server_that_stops_meanwhile_ends_the_connection(run: Run, files: CertificateFiles) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            transport = place.talks[0].transport
            assert transport is not None
            transport.abort()
            await place.ended.wait()
            await client.close()

    run(body)


def test_what_a_client_says_with_the_end_of_its_handshake_is_answered_under_tls(
    run: Run, files: CertificateFiles
) -> None:
    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            assert await client.ask(b"STLS\n") == b"begin\n"
            talk = InMemory(files.client())
            client.writer.write(talk.said())
            await talk.finish(client)
            talk.tls.write(b"early\n")
            client.writer.write(talk.said())  # the Finished and the command in one segment
            assert await talk.read(client) == b"tls early\n"
            await client.close()

    run(body)


def test_without_a_descriptor_for_it_the_connection_ends_and_is_told_so(
    run: Run, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dup(descriptor: int) -> int:
        raise OSError(errno.EMFILE, f"too many open files, {descriptor} is one of them")

    async def body() -> None:
        async with listening(files) as place:
            client = await Client.connect(place.port)
            monkeypatch.setattr(os, "dup", dup)
            client.writer.write(b"STLS\n")
            assert await client.rest() == b""
            await place.ended.wait()
            assert [talk.lost for talk in place.talks] == [1]
            await client.close()

    run(body)
