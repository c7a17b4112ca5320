"""Filters of other people, asked over a socket."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pillarbox.net.milter import (
    MilterAddress,
    MilterConnection,
    MilterUnavailable,
    open_milter,
    parse_milter_address,
)
from pillarbox.wire.milter.answer import AddField, Way
from pillarbox.wire.milter.conversation import Outcome
from pillarbox.wire.milter.packet import packet_to_bytes
from tests.support.free_port import free_port

OPENDKIM = shutil.which("opendkim", path="/usr/sbin:/usr/bin")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:11332", MilterAddress("127.0.0.1", 11332)),
        ("[::1]:25", MilterAddress("::1", 25)),
        ("inet:8891@localhost", MilterAddress("localhost", 8891)),
        ("unix:/run/filter.sock", MilterAddress(path="/run/filter.sock")),
        ("local:/run/filter.sock", MilterAddress(path="/run/filter.sock")),
    ],
)
def test_addresses_of_filters_are_read(text: str, address: MilterAddress) -> None:
    assert parse_milter_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "localhost:0", "localhost:99999", "unix:relative", ":25", "a:²"])
def test_what_is_no_address_of_a_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address of a filter"):
        parse_milter_address(text)


@pytest.fixture
def opendkim(tmp_path: Path) -> Iterator[MilterAddress]:
    if OPENDKIM is None:
        pytest.skip("opendkim is not installed (Debian: apt-get install opendkim)")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem.chmod(0o600)
    port = free_port()
    settings = {"Domain": "example.org", "Selector": "test", "KeyFile": pem, "Mode": "s", "RequireSafeKeys": "no"}
    configuration = tmp_path / "opendkim.conf"
    configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    command = [OPENDKIM, "-f", "-x", str(configuration), "-p", f"inet:{port}@127.0.0.1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_for(port, process)
        yield MilterAddress("127.0.0.1", port)
    finally:
        process.kill()  # told to end, it takes five seconds
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("opendkim does not answer")


async def _session(connection: MilterConnection, messages: int) -> list[Outcome]:
    talk, outcomes = connection.conversation, []
    assert (await connection.run(talk.connect("localhost", "127.0.0.1", 4000, {"j": "here"}), 10)).way is Way.CONTINUE
    await connection.run(talk.hello("localhost", {}), 10)
    for number in range(messages):
        id = {"i": f"x{number}"}
        for exchange in (
            talk.sender("<ann@example.org>", [], id),
            talk.recipient("<bob@example.net>", [], id),
            talk.data(id),
        ):
            assert (await connection.run(exchange, 10)).way is Way.CONTINUE
        fields = [(b"From", b" Ann <ann@example.org>"), (b"To", b" bob@example.net"), (b"Subject", b" one\r\n two")]
        fields.append((b"Date", b" Fri, 27 Nov 2026 10:00:00 +0000"))
        outcomes.append(await connection.run(talk.message(fields, [b"hello\r\n", b"world\r\n"], id), 10))
    await connection.leave()
    return outcomes


def test_opendkim_signs_each_message_of_a_session(opendkim: MilterAddress) -> None:
    async def go() -> list[Outcome]:
        return await _session(await open_milter(opendkim, 10, 1_000_000), 2)

    outcomes = asyncio.run(go())
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert outcome.decision.way in (Way.CONTINUE, Way.ACCEPT)
        signed = [change for change in outcome.changes if isinstance(change, AddField)]
        (signature,) = [change.value for change in signed if change.name == b"DKIM-Signature"]
        assert b"d=example.org" in signature
        assert b"\n" not in signature.replace(b"\r\n\t", b"").replace(b"\r\n ", b"")


def test_a_filter_that_is_not_there_is_unavailable() -> None:
    address = MilterAddress("127.0.0.1", free_port())
    with pytest.raises(MilterUnavailable):
        asyncio.run(open_milter(address, 5, 1_000))


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "a packet of"), (b"", "closed"), (None, "in time")]
)
def test_what_is_no_filter_is_unavailable(answer: bytes | None, reason: str) -> None:
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if answer is None:
            await reader.read()  # until the other side has had enough
        else:
            writer.write(answer)
        writer.close()
        await writer.wait_closed()
        is_over.set()

    async def go() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            with pytest.raises(MilterUnavailable, match=reason):
                await open_milter(MilterAddress("127.0.0.1", port), 0.3 if answer is None else 10, 1_000)
        finally:
            await is_over.wait()
            server.close()

    asyncio.run(go())


def test_a_filter_on_a_socket_of_the_file_system_is_asked(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(17)
        writer.write(packet_to_bytes(b"O", (6).to_bytes(4, "big") + bytes(8)))
        await reader.read(100)
        writer.write(packet_to_bytes(b"r"))
        writer.close()

    async def go() -> Way:
        server = await asyncio.start_unix_server(serve, tmp_path / "filter")
        connection = await open_milter(MilterAddress(path=str(tmp_path / "filter")), 10, 1_000)
        decision = await connection.run(connection.conversation.hello("h", {}), 10)
        connection.close()
        server.close()
        return decision.way

    assert asyncio.run(go()) is Way.REJECT
