"""TLS: at once, by STLS, and what is offered without it."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.scram_secret import ensure_scram_secret, scram_secret
from pillarbox.datatypes.view import Transaction
from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import POP3
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.wire.sasl import base64_line
from pillarbox.wire.sasl.scram_client import scram_sha_256
from tests.net.tls_fixture import LOOPS
from tests.servers.pop3.pop3_server import PASSWORD, Client, Running, deliver_to, message, running
from tests.support.certificate_files import CertificateFiles


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(tmp_path)


def run(store: EmbeddedStore, files: CertificateFiles, loop: str, body: object) -> None:
    async def main() -> None:
        handshakes = Handshakes(files.contexts(files.write("a.pem", "localhost")), POP3)
        async with running(store, handshakes) as server:
            await body(server)  # type: ignore[operator]

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(main())


async def start_tls(client: Client, context: ssl.SSLContext) -> None:
    await client.writer.start_tls(context, server_hostname="localhost")


async def over_tls(server: Running, context: ssl.SSLContext) -> Client:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.tls_port, ssl=context, server_hostname="localhost"
    )
    client = Client(reader, writer)
    server.clients.append(client)
    assert await client.hear() == "+OK Pillarbox is ready"
    return client


@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_over_tls_from_the_first_octet(store: EmbeddedStore, files: CertificateFiles, loop: str) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        client = await over_tls(server, files.client("pop3"))
        assert "STLS" not in await client.lines("CAPA")
        assert await client.say("STLS") == "-ERR There is TLS already"
        await client.log_in()
        await client.ok("RETR 1")
        assert await client.content() == message(1)
        await client.ok("DELE 1")
        await client.ok("QUIT")
        assert await client.hear() == ""

    run(store, files, loop, body)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_session_that_changes_to_tls(store: EmbeddedStore, files: CertificateFiles, loop: str) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        assert "STLS" in await client.lines("CAPA")
        await client.ok("STLS")
        await start_tls(client, files.client())
        assert "STLS" not in await client.lines("CAPA")
        await client.log_in()
        await client.ok("QUIT")

    run(store, files, loop, body)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_was_said_before_tls_is_not_heard_under_it(
    store: EmbeddedStore, files: CertificateFiles, loop: str
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        await client.ok("USER mallory@example.org")
        client.send(b"STLS\r\nUSER mallory@example.org\r\nCAPA\r\n")
        assert await client.hear() == "+OK Begin"
        await start_tls(client, files.client())
        # RFC 2595 §4: neither the name from before, nor what was smuggled behind the command.
        assert await client.say(f"PASS {PASSWORD}") == "-ERR A name has to come first, by USER"
        await client.log_in()

    run(store, files, loop, body)


def test_stls_has_to_come_before_utf8(store: EmbeddedStore, files: CertificateFiles) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        await client.ok("UTF8")
        assert await client.say("STLS") == "-ERR STLS has to come before UTF8"

    run(store, files, "asyncio", body)


def test_a_client_that_fails_to_shake_hands_is_forgotten(store: EmbeddedStore, files: CertificateFiles) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        await client.ok("STLS")
        client.send(b"USER alice@example.org\r\n")
        with contextlib.suppress(ConnectionError):
            assert await client.reader.read() == b""
        while server.listener.connection_count:  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)

    run(store, files, "asyncio", body)


def test_a_server_that_stops_does_not_wait_for_handshakes(store: EmbeddedStore, files: CertificateFiles) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        await client.ok("STLS")
        await server.listener.stop()
        assert await client.reader.read() == b""

    run(store, files, "asyncio", body)


def test_from_other_machines_nobody_logs_in_without_tls(store: EmbeddedStore, files: CertificateFiles) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(None)
        [connection] = server.listener._roster
        here, connection.peer_address = connection.peer_address, "192.0.2.1"
        assert not {"USER", "SASL"} & {line.split()[0] for line in await client.lines("CAPA")}
        assert await client.lines("AUTH") == []
        for line in ("USER alice@example.org", f"PASS {PASSWORD}", "AUTH PLAIN =", "AUTH SCRAM-SHA-256"):
            assert await client.say(line) == "-ERR Log in over TLS"
        await client.ok("STLS")
        await start_tls(client, files.client())
        assert "USER" in await client.lines("CAPA")
        await client.log_in()
        connection.peer_address = here

    run(store, files, "asyncio", body)


def test_somebody_proves_to_know_the_password_by_scram(store: EmbeddedStore, files: CertificateFiles) -> None:
    def furnish(tx: Transaction) -> None:
        ensure_scram_secret(tx, iterations=4_096)
        secret, account = scram_secret(tx), tx.get(ACCOUNT, DIRECTORY, "alice")
        assert secret is not None
        assert account is not None
        keys = secret.keys(PASSWORD, account.name, "")
        tx.write(ACCOUNT, DIRECTORY, account, msgspec.structs.replace(account, scram=keys))

    async def body(server: Running) -> None:
        await server.bridge.write(furnish)
        client = await over_tls(server, files.client())
        speaker = scram_sha_256("alice@example.org", PASSWORD)
        response, line = next(speaker), "AUTH SCRAM-SHA-256 "
        while True:
            assert response.data is not None
            heard = await client.say(line + base64_line.encode(response.data).decode())
            if not heard.startswith("+ "):
                break
            response, line = speaker.send(base64_line.decode(heard[2:].encode())), ""
        assert heard == "+OK 0 messages (0 octets)"
        assert response.is_complete

    run(store, files, "asyncio", body)
