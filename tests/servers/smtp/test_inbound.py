"""Mail from other servers: who takes it, what stands on top of it, and who is sent away."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from pillarbox.net.tls import TlsContexts
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import delivered
from tests.servers.smtp.smtp_server import MESSAGE, Client, Running, limit_quota, serve
from tests.support.certificate_files import CertificateFiles


async def sends(server: Running, *recipients: str, message: bytes = MESSAGE) -> str:
    client = await server.greeted()
    return await client.send(*recipients, sender="dave@sender.example", message=message)


def test_a_message_is_in_the_inbox_before_it_is_acknowledged(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        assert (await sends(server, "bob@example.org")).startswith("250 2.0.0 x")
        (data,) = delivered(store, "bob")
        assert data.endswith(MESSAGE)
        head = data.removesuffix(MESSAGE).decode()
        assert head.startswith(
            "Return-Path: <dave@sender.example>\r\n"
            "Received: from client.example ([127.0.0.1])\r\n\tby mx.example.org with ESMTP id x"
        )
        assert "\tfor <bob@example.org>;" in head

    serve(store, body)


def test_the_trace_says_how_the_message_was_encrypted(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        assert (await client.say("STARTTLS")) == "220 2.0.0 Ready to start TLS"
        await client.start_tls(files.client())
        assert "REQUIRETLS" in await client.hello("secure.example")
        await client.send("bob@example.org", "carol@example.org", sender="dave@sender.example", message=MESSAGE)
        head = delivered(store, "carol")[0].removesuffix(MESSAGE).decode()
        assert "from secure.example ([127.0.0.1])\r\n\t(using TLSv1.3 with " in head
        assert " with ESMTPS id x" in head
        assert "\ttls TLS_" in head
        assert "\tfor" not in head  # of several recipients none is named to the others

    serve(store, body, tls=tls)


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("nobody@example.org", "550 5.1.1"),
        ("dave@elsewhere.example", "550 5.7.1"),
        ("bob%elsewhere.example@sender.example", "550 5.7.1"),
        ('"bob@elsewhere.example"@sender.example', "550 5.7.1"),
        ("@example.org:dave@elsewhere.example", "550 5.7.1"),
        ("dave@[192.0.2.1]", "550 5.7.1"),
        ("bob@example.org", "250 2.1.5"),
        ("BOB@EXAMPLE.ORG", "250 2.1.5"),
        ("bob+list@example.org", "250 2.1.5"),
        ("anything@catch.example", "250 2.1.5"),
    ],
)
def test_nothing_is_relayed_for_strangers(store: EmbeddedStore, recipient: str, reply: str) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        await client.say("MAIL FROM:<alice@example.org>")
        assert (await client.say(f"RCPT TO:<{recipient}>")).startswith(reply)

    serve(store, body)


def test_nobody_logs_in_on_the_port_for_other_servers(store: EmbeddedStore, tls: TlsContexts) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.hear()
        assert "AUTH" not in await client.hello()
        assert (await client.log_in()).startswith("5")

    serve(store, body, tls=tls)


def test_postmaster_without_a_domain_is_of_this_server(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        await client.say("MAIL FROM:<>")
        answer = await client.say("RCPT TO:<Postmaster>")
        assert answer.startswith("550 5.7.1")  # mx.example.org is no domain here, so there is nobody

    serve(store, body)


def test_a_full_mailbox_is_refused_at_rcpt(store: EmbeddedStore) -> None:
    limit_quota(store, "bob", 10_000)

    async def body(server: Running) -> None:
        client = await server.greeted()
        await client.say("MAIL FROM:<dave@sender.example> SIZE=20000")
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("452 4.2.2")

    serve(store, body)


def test_when_one_mailbox_becomes_full_nobody_gets_the_message_and_it_comes_again(store: EmbeddedStore) -> None:
    limit_quota(store, "bob", 10_000)

    async def body(server: Running) -> None:
        message = MESSAGE + b"x" * 70 + b"\r\n"
        message += (b"y" * 70 + b"\r\n") * 200
        assert (await sends(server, "carol@example.org", "bob@example.org", message=message)).startswith("452 4.2.2")
        assert delivered(store, "carol") == delivered(store, "bob") == []

    serve(store, body)


def test_a_message_that_goes_round_in_a_circle_is_refused(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        message = b"Received: from a by b; Mon, 2 Nov 2026 10:00:00 +0000\r\n" * 11 + MESSAGE
        assert (await sends(server, "bob@example.org", message=message)).startswith("554 5.4.6")
        assert (await sends(server, "bob@example.org", message=message.split(b"\r\n", 1)[1])).startswith("250")

    serve(store, body, smtp={"max_hops": 10})


def test_a_return_path_of_the_sender_is_taken_away(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        await sends(server, "bob@example.org", message=b"Return-Path: <eve@evil.example>\r\n" + MESSAGE)
        assert delivered(store, "bob")[0].count(b"Return-Path:") == 1
        assert b"eve@" not in delivered(store, "bob")[0]

    serve(store, body)


@pytest.mark.parametrize(
    "ending",
    [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\0"],
)
def test_smuggled_messages_are_refused_and_not_mended(store: EmbeddedStore, ending: bytes) -> None:
    async def body(server: Running) -> None:
        inner = b"MAIL FROM:<x@example.com>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\nSubject: b\r\n\r\nb\r\n"
        answer = await sends(server, "bob@example.org", message=MESSAGE.rstrip() + ending + inner)
        assert answer.startswith("554 5.6.0")
        assert delivered(store, "bob") == delivered(store, "carol") == []

    serve(store, body)


def test_who_asks_for_many_unknown_addresses_is_told_to_come_back_later(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        assert (await client.say("XCLIENT ADDR=192.0.2.7")).startswith("220")
        await client.hello()
        answers = []
        for number in range(23):
            if number % 8 == 0:
                await client.say("RSET")
                await client.say("QUIT")
                client = await server.greeted()
                await client.say("XCLIENT ADDR=192.0.2.7")
                await client.hello()
                await client.say("MAIL FROM:<dave@sender.example>")
            answers.append((await client.say(f"RCPT TO:<nobody{number}@example.org>"))[:9])
        assert answers[:21] == ["550 5.1.1"] * 21
        assert answers[21:] == ["450 4.7.1"] * 2
        # Nor is it told any more who is there; to others it is.
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("450 4.7.1")
        other = await server.greeted()
        await other.say("XCLIENT ADDR=192.0.2.8")
        await other.hello()
        await other.say("MAIL FROM:<dave@sender.example>")
        assert (await other.say("RCPT TO:<bob@example.org>")).startswith("250")

    limits = {
        "unknown_recipients_an_hour": 2,
        "tarpit_seconds": 0,
        "xclient_from": ("127.0.0.1",),
        "authenticate": False,
    }
    serve(store, body, smtp=limits)


def test_xclient_is_believed_from_those_that_are_trusted_only(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.hear()
        assert "XCLIENT" not in await client.hello()
        assert (await client.say("XCLIENT ADDR=192.0.2.7")).startswith("502")

    serve(store, body)


def test_xclient_changes_who_the_trace_names(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        assert (await client.say("XCLIENT ADDR=nonsense")).startswith("501")
        assert (await client.say("XCLIENT ADDR=IPv6:2001:db8::7")).startswith("220 mx.example.org")
        assert (await client.say("MAIL FROM:<dave@sender.example>")).startswith("503")
        await client.hello("proxied.example")
        await client.send("bob@example.org", sender="dave@sender.example", message=MESSAGE)
        assert b"from proxied.example ([IPv6:2001:db8::7])" in delivered(store, "bob")[0]

    serve(store, body, smtp={"xclient_from": ("127.0.0.0/8",), "authenticate": False})


def test_too_many_connections_from_an_address_or_a_network_are_sent_away(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        first = await server.connect()
        assert (await first.hear()).startswith("220")
        second = await server.connect()
        assert (await second.hear()).startswith("421 4.7.0")
        assert await second.hear() == ""
        assert (await first.say("QUIT")).startswith("221")

    serve(store, body, smtp={"max_connections_per_address": 1})


def test_a_network_counts_as_one_whatever_its_addresses(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        listener = server.listeners[0]
        limits = [key for key, _ in listener._limits("192.0.2.7")]
        assert [key for key, _ in listener._limits("192.0.2.8")][2] == limits[2]
        assert [key for key, _ in listener._limits("2001:db8:1::1")][2] == ("inbound", "2001:db8:1::/48")
        assert len(listener._limits("127.0.0.1")) == 2

    serve(store, body)


async def _patience(client: Client, *commands: str) -> int:
    """How many commands are answered before the client is sent away."""
    for number in range(200):
        if (await client.say(commands[number % len(commands)])).startswith("421 4.7.0"):
            return number
    raise AssertionError("nobody minds")


def test_who_never_comes_to_a_message_is_sent_away(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        assert 40 < await _patience(client, "RSET", "EHLO again.example") < 60
        client = await server.greeted()
        assert 8 < await _patience(client, "FROBNICATE", "MAIL") < 14

    serve(store, body)


def test_thousands_of_recipients_in_one_go_are_bounded(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        client.writer.write(b"MAIL FROM:<dave@sender.example>\r\n")
        client.writer.write(b"".join(b"RCPT TO:<any%d@catch.example>\r\n" % number for number in range(2_000)))
        client.writer.write(b"RSET\r\n")
        answers = [(await client.hear())[:9] for _ in range(2_002)]
        assert answers[1:101] == ["250 2.1.5"] * 100
        assert set(answers[101:-1]) == {"452 4.5.3"}
        assert answers[-1] == "250 2.0.0"

    serve(store, body)


def test_octets_one_by_one_make_the_same_message(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        octets = b"MAIL FROM:<dave@sender.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n" + MESSAGE + b".\r\n"
        for octet in octets:
            client.writer.write(bytes([octet]))
            await client.writer.drain()
            await asyncio.sleep(0)
        assert [(await client.hear())[:3] for _ in range(4)] == ["250", "250", "354", "250"]
        assert delivered(store, "bob")[0].endswith(MESSAGE)

    serve(store, body)


def test_a_stop_tells_everybody(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        await server.listeners[0].stop()
        assert (await client.hear()).startswith("421 4.3.2")

    serve(store, body)


def test_what_was_sent_ahead_of_tls_is_not_obeyed(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        client.writer.write(b"STARTTLS\r\nMAIL FROM:<dave@sender.example>\r\nRCPT TO:<bob@example.org>\r\n")
        assert await client.hear() == "220 2.0.0 Ready to start TLS"
        await client.start_tls(files.client())
        assert await client.say("NOOP") == "250 2.0.0 OK"  # and nothing before it
        assert (await client.say("DATA")).startswith("503")
        client = await server.greeted()
        await client.say("MAIL FROM:<dave@sender.example>")
        await client.say("STARTTLS")
        await client.start_tls(files.client())
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("503")
        assert (await client.say("MAIL FROM:<dave@sender.example>")).startswith("503 5.5.1 Introduce")

    serve(store, body, tls=tls)


@pytest.mark.parametrize("argument", ["a\x00b", "a\rb", "a\nMAIL FROM:<x@y>", "a\x1b[2J"])
def test_control_characters_are_in_no_command(store: EmbeddedStore, argument: str) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        for command in (f"EHLO {argument}", f"MAIL FROM:<{argument}@sender.example>", f"NOOP {argument}"):
            assert (await client.say(command)).startswith("500 5.5.2")
            if "\n" in argument:
                assert (await client.hear())[:1] in "25"  # that was a line of its own, and no part of another

    serve(store, body)


def test_a_web_page_that_posts_mail_gets_nowhere(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.hear()
        assert (await client.say("POST / HTTP/1.1")).startswith("421 4.7.0 This is no web server")
        assert await client.hear() == ""

    serve(store, body)


def test_a_trusted_proxy_says_who_the_client_is_and_must(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        client.writer.write(b"PROXY TCP4 192.0.2.7 198.51.100.1 1234 25\r\n")
        assert (await client.hear()).startswith("220")
        await client.hello()
        await client.send("bob@example.org", sender="dave@sender.example", message=MESSAGE)
        assert b"from client.example ([192.0.2.7])" in delivered(store, "bob")[0]
        client = await server.connect()
        client.writer.write(b"EHLO client.example\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await client.hear() == ""

    serve(store, body, smtp={"trusted_proxies": ("127.0.0.1",), "authenticate": False})


def test_nobody_else_is_believed_to_be_a_proxy(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert (await client.hear()).startswith("220")
        assert (await client.say("PROXY TCP4 192.0.2.7 198.51.100.1 1234 25")).startswith("500")

    serve(store, body, smtp={"trusted_proxies": ("192.0.2.0/24",)})
