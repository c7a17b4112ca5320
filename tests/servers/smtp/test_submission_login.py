"""Who logs in to send mail: by every mechanism, and what becomes of those who guess."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin import password as password_module
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.scram_secret import ensure_scram_secret, scram_secret
from pillarbox.datatypes.view import Transaction
from pillarbox.net.tls import TlsContexts
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.wire.sasl import base64_line, scram_key
from pillarbox.wire.sasl.client import Client as Speaker
from pillarbox.wire.sasl.client import oauthbearer, xoauth2
from pillarbox.wire.sasl.scram_client import Bound, scram_sha_256
from tests.directory_fixture import Office, SetClock
from tests.servers.imap.imap_server import PASSWORD
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.smtp_server import Client, Running, open_store, serve
from tests.services.sasl_desk import app_password
from tests.support.certificate_files import CertificateFiles
from tests.support.log import Lines

ALICE = "alice@example.org"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[EmbeddedStore]:
    """Alice has keys for SCRAM."""
    opened = open_store(tmp_path / "data", clock)

    def furnish(tx: Transaction) -> None:
        ensure_scram_secret(tx, iterations=4_096)
        secret, account = scram_secret(tx), tx.get(ACCOUNT, DIRECTORY, "alice")
        assert secret is not None
        assert account is not None
        keys = secret.keys(PASSWORD, account.name, "")
        tx.write(ACCOUNT, DIRECTORY, account, msgspec.structs.replace(account, scram=keys))

    opened.write(furnish)
    yield opened
    opened.close()


async def logs_in(client: Client, mechanism: str, speaker: Speaker) -> str:
    """The last reply to an exchange; after a good one the client has to be content with the server too."""
    response, line = next(speaker), f"AUTH {mechanism} "
    while True:
        assert response.data is not None
        heard = await client.say(line + base64_line.encode(response.data).decode())
        if not heard.startswith("334 "):
            assert response.is_complete or not heard.startswith("2")
            return heard
        response, line = speaker.send(base64_line.decode(heard[4:].encode())), ""


def test_who_knows_the_password_proves_it_by_scram(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(server.submissions, files.client())
        await client.hear()
        await client.hello()
        assert (await logs_in(client, "SCRAM-SHA-256", scram_sha_256(ALICE, PASSWORD))).startswith("235 2.7.0")
        assert (await client.send("bob@example.org")).startswith("250")
        other = await server.connect(server.submissions, files.client())
        await other.hear()
        await other.hello()
        assert (await logs_in(other, "SCRAM-SHA-256", scram_sha_256(ALICE, "wrong"))).startswith("535 5.7.8")
        assert (await other.say("MAIL FROM:<alice@example.org>")).startswith("530")

    serve(store, body, tls=tls)
    assert b"with ESMTPSA id x" in mail_of(store, "bob")[0][1]


def test_a_proof_that_is_bound_to_another_connection_is_none(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(server.submissions, files.client())
        await client.hear()
        listed = await client.hello()
        mechanism = "SCRAM-SHA-256-PLUS"
        assert mechanism in listed
        bound = Bound("tls-server-end-point", b"x" * 32)
        assert (await logs_in(client, mechanism, scram_sha_256(ALICE, PASSWORD, bound=bound))).startswith("535")

    serve(store, body, tls=tls, login={"certificate_binding": True})


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_a_token_logs_in_and_a_wrong_one_does_not(store: EmbeddedStore, clock: SetClock, mechanism: str) -> None:
    secret = app_password(Office(store, clock), "alice")

    def speaker(token: str) -> Speaker:
        return oauthbearer(token, ALICE) if mechanism == "OAUTHBEARER" else xoauth2(ALICE, token)

    async def body(server: Running) -> None:
        client = await server.greeted(server.submission)
        assert await client.say(f"AUTH {mechanism} {_initial(speaker('wrong'))}") != ""
        # RFC 7628 §3.2.3: the error is a challenge, which the client has to answer.
        assert (await client.say("AQ==")).startswith("535 5.7.8")
        assert (await logs_in(client, mechanism, speaker(secret))).startswith("235 2.7.0")
        assert (await client.send("bob@example.org")).startswith("250")

    serve(store, body)


def _initial(speaker: Speaker) -> str:
    data = next(speaker).data
    assert data is not None
    return base64_line.encode(data).decode()


def test_who_guesses_passwords_is_held_back_and_later_let_in(store: EmbeddedStore, clock: SetClock) -> None:
    async def body(server: Running) -> None:
        answers = []
        # The same guess once more is none: a program that has an old password locks nobody out.
        for number in range(3):
            client = await server.greeted(server.submission)
            answers += [(await client.log_in(password=f"wrong {number} {n}"))[:9] for n in range(5)]
        assert answers == ["535 5.7.8"] * 10 + ["454 4.7.0"] * 5
        # Not even the right one is looked at, and a name that nobody has is held back in the same way.
        client = await server.greeted(server.submission)
        assert (await client.log_in()).startswith("454 4.7.0")
        for number in range(11):
            client = await server.greeted(server.submission)
            await client.log_in("nobody@example.org", f"wrong {number}")
        assert (await client.log_in("nobody@example.org")).startswith("454 4.7.0")
        clock.forward(seconds=3_600)
        assert (await client.log_in()).startswith("235")

    with Lines() as lines:
        serve(store, body)
    assert {line["event"] for line in lines.of("login.throttled")} == {"login.throttled"}


def test_whoever_is_named_the_same_work_is_done(store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time would tell who has an account: the hashes of each attempt are counted."""
    hashed: list[str] = []
    verify, fits = password_module._hasher.verify, scram_key.fits

    class Counting:
        def verify(self, known: str, password: str) -> bool:
            hashed.append("argon2")
            return verify(known, password)

    def counted(*given: Any) -> bool:
        hashed.append("scram")
        return fits(*given)

    monkeypatch.setattr(password_module, "_hasher", Counting())
    monkeypatch.setattr("pillarbox.services.scram.fits", counted)
    costs: dict[str, set[tuple[str, ...]]] = {}

    async def body(server: Running) -> None:
        for number, name in enumerate((ALICE, "nobody@example.org", "nobody@elsewhere.example")):
            for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
                client = await server.greeted(server.submission)
                hashed.clear()
                wrong = f"wrong {number} {mechanism}"  # what was refused once is remembered, and costs nothing again
                if mechanism == "PLAIN":
                    reply = await client.log_in(name, wrong)
                elif mechanism == "LOGIN":
                    await client.say("AUTH LOGIN")
                    await client.say(base64_line.encode(name.encode()).decode())
                    reply = await client.say(base64_line.encode(wrong.encode()).decode())
                else:
                    reply = await logs_in(client, mechanism, scram_sha_256(name, wrong))
                assert reply.startswith("535 5.7.8")
                costs.setdefault(mechanism, set()).add(tuple(hashed))

    serve(store, body)
    assert all(len(found) == 1 for found in costs.values()), costs
    assert all(len(next(iter(found))) > 0 for found in costs.values()), costs


def test_what_a_client_says_begins_no_line_of_the_log(store: EmbeddedStore) -> None:
    forged = "x\\r\\n2026-01-01T00:00:00Z INFO login.succeeded: login=root\u2028\x1b[2J"

    async def body(server: Running) -> None:
        for port in (server.inbound, server.submission):
            client = await server.connect(port)
            await client.hear()
            client.writer.write(b"EHLO a\x1b[31m\x85b\nlogin.succeeded: forged\r\n")
            await client.hear()
            await client.hello()
            for line in (f"MAIL FROM:<{forged}@x.example>", f"RCPT TO:<{forged}>", f"VRFY {forged}", forged):
                client.writer.write(line.encode() + b"\rlogin.succeeded: forged\r\n")
                await client.hear()
            await client.say("RSET")
            await client.say(f"AUTH PLAIN {base64_line.encode(f'{chr(0)}{forged}{chr(0)}x'.encode()).decode()}")

    with Lines() as lines:
        serve(store, body)
    assert lines.text
    for text in lines.text:
        assert not any(ord(c) < 32 or 126 < ord(c) < 160 or c in "\u2028\u2029" for c in text), text
    assert not lines.of("login.succeeded")
