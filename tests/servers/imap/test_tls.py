"""TLS from the beginning and by STARTTLS, on real sockets and both loops."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pillarbox.net.handshake import Handshakes
from pillarbox.net.tls import IMAP
from pillarbox.storage.store import Store
from tests.net.tls_fixture import Client as Plain
from tests.net.tls_fixture import InMemory, Run
from tests.servers.imap.imap_server import PASSWORD, Client, Running, running
from tests.support.certificate_files import CertificateFiles

LOGIN = f'LOGIN alice@example.org "{PASSWORD}"'


@contextlib.asynccontextmanager
async def secured(store: Store, files: CertificateFiles, **changes: Any) -> AsyncIterator[Running]:
    handshakes = Handshakes(files.contexts(files.write("a.pem", "localhost")), IMAP)
    async with running(store, handshakes, **changes) as server:
        yield server


def capabilities(line: str) -> set[str]:
    """Those of a greeting, a tagged OK or an untagged CAPABILITY."""
    return set(line.partition("CAPABILITY ")[2].partition("]")[0].split())


async def secure(client: Client, files: CertificateFiles) -> None:
    assert (await client.say("STARTTLS"))[-1].startswith("OK")
    await client.writer.start_tls(files.client("imap"), server_hostname="localhost")


def test_what_the_server_can_do_is_told_truly_before_and_after_tls_and_login(
    run: Run, store: Store, files: CertificateFiles
) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(None)
            greeting = capabilities(await client.hear())
            assert {"STARTTLS", "AUTH=PLAIN", "IMAP4rev2", "SASL-IR"} <= greeting
            assert not {"IDLE", "COMPRESS=DEFLATE", "LOGINDISABLED"} & greeting
            await secure(client, files)
            (told,) = await client.ok("CAPABILITY")
            assert capabilities(told) == greeting - {"STARTTLS"}
            assert (await client.say("STARTTLS"))[-1].startswith("BAD")
            logged_in = capabilities((await client.say(LOGIN))[-1])
            assert {"IDLE", "COMPRESS=DEFLATE", "QRESYNC"} <= logged_in
            assert not {word for word in logged_in if word.startswith("AUTH=")}
            (told,) = await client.ok("CAPABILITY")
            assert capabilities(told) == logged_in
            assert (await client.say("STARTTLS"))[-1].startswith("BAD")

    run(body)


def test_where_tls_begins_at_once_starttls_is_not_offered(run: Run, store: Store, files: CertificateFiles) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(None, tls=files.client("imap"))
            assert "STARTTLS" not in capabilities(await client.hear())
            assert (await client.say("STARTTLS"))[-1].startswith("BAD")
            await client.ok(LOGIN)
            assert (await client.ok("SELECT INBOX"))[0] == "* 0 EXISTS"

    run(body)


@pytest.mark.parametrize("injected", ["x LOGIN alice@example.org secret\r\n", "x NOOP\r\ny LOGO", "x LOGIN {3}\r\n"])
def test_commands_that_came_with_starttls_in_the_clear_are_not_obeyed_under_tls(
    run: Run, store: Store, files: CertificateFiles, injected: str
) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(None)
            await client.hear()
            client.send(f"a STARTTLS\r\n{injected}".encode())
            assert (await client.hear()).startswith("a OK")
            await client.writer.start_tls(files.client(), server_hostname="localhost")
            assert await client.say("NOOP") == ["OK Nothing was done"]
            await client.ok(LOGIN)

    run(body)


def test_a_command_in_the_clear_behind_the_answer_to_starttls_ends_the_connection(
    run: Run, store: Store, files: CertificateFiles
) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(None)
            await client.hear()
            await client.say("STARTTLS")
            client.send(f"x {LOGIN}\r\n".encode())
            assert await client.rest() == b""

    run(body)


def test_tls_does_not_begin_above_compression(run: Run, store: Store, files: CertificateFiles) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(None)
            await client.hear()
            assert (await client.say("COMPRESS DEFLATE"))[-1].startswith("NO")
            await secure(client, files)
            await client.ok(LOGIN)

    run(body)


def test_a_web_browser_is_refused_by_its_protocol(run: Run, store: Store, files: CertificateFiles) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            with pytest.raises((ssl.SSLError, ConnectionError), match="no application protocol"):
                await server.connect(None, tls=files.client("h2", "http/1.1"))

    run(body)


def test_a_server_that_stops_tells_a_client_under_tls_and_does_not_wait_for_it(
    run: Run, store: Store, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pillarbox.servers.imap.connection._PARTING_SECONDS", 0)

    async def body() -> None:
        async with secured(store, files, stop_seconds=600) as server:
            client = await Plain.connect(server.tls_address[1])
            talk = InMemory(files.client())
            client.writer.write(talk.said())
            await talk.finish(client)
            client.writer.write(talk.said())
            assert (await talk.read(client)).startswith(b"* OK")
            # From here on the client neither reads nor answers: it never closes TLS from its side.
            await server.listener.stop()
            assert (await talk.read(client)).startswith(b"* BYE")
            await client.close()

    run(body)


def test_a_server_that_stops_ends_a_handshake_that_is_under_way(
    run: Run, store: Store, files: CertificateFiles
) -> None:
    async def body() -> None:
        async with secured(store, files, stop_seconds=600) as server:
            client = await server.connect(None)
            await client.hear()
            await client.say("STARTTLS")
            await server.listener.stop()
            assert server.listener.connection_count == 0

    run(body)


def test_pipelined_commands_under_tls_are_answered_in_order(run: Run, store: Store, files: CertificateFiles) -> None:
    async def body() -> None:
        async with secured(store, files) as server:
            client = await server.connect(tls=files.client())
            client.send(b"a SELECT INBOX\r\nb NOOP\r\nc LOGOUT\r\n")
            for tag in "abc":
                assert (await client.hear_to(tag))[-1].startswith(f"{tag} OK")
            assert await client.rest() == b""

    run(body)
