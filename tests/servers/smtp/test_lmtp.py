from __future__ import annotations

import asyncio
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.net.socket_address import open_sockets
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from tests.servers.smtp.lmtp_server import MESSAGE, Client, Running, inbox_total, mail_of, open_store, serve


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    store.close()


def test_a_message_is_in_the_inbox_when_it_is_acknowledged(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert re.fullmatch(r"250 2\.0\.0 x\w{14} saved", (await client.deliver("alice@example.org"))[0])
        assert inbox_total(store, "alice") == 1
        assert await client.say("QUIT") == "221 2.0.0 Goodbye"
        assert await client.hear() == ""

    serve(store, body)
    [(email, _)] = mail_of(store, "alice")
    assert not email.keywords.get("$seen")


def test_the_trace_fields_stand_on_top_and_name_the_only_recipient(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.deliver("alice@example.org")

    serve(store, body)
    [(_, data)] = mail_of(store, "alice")
    head = data.removesuffix(MESSAGE).decode()
    assert re.fullmatch(
        r"Return-Path: <dave@sender\.example>\r\n"
        r"Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mx\.example\.org with LMTP id x\w{14}\r\n"
        r"\tfor <alice@example\.org>;\r\n\t\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n",
        head,
    )


def test_several_recipients_are_not_told_of_each_other(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert [r[:9] for r in await client.deliver("alice@example.org", "bob@example.org")] == ["250 2.0.0"] * 2

    serve(store, body)
    [(_, for_alice)], [(_, for_bob)] = mail_of(store, "alice"), mail_of(store, "bob")
    assert for_alice == for_bob
    assert b"for <" not in for_alice


@pytest.mark.parametrize(
    "fields",
    [
        b"Return-Path: <forged@sender.example>\r\n (folded)\r\nSubject: x\r\n",
        b"Subject: x\r\nReturn-Path: <forged@sender.example>\r\nreturn-PATH:<two@x.example>\r\n",
        b"Subject: x\r\nRETURN-PATH: <forged@sender.example>\r\n",
    ],
)
def test_a_return_path_that_came_with_the_message_is_replaced(store: Store, fields: bytes) -> None:
    async def body(server: Running) -> None:
        message = fields + b"\r\nReturn-Path: body\r\n"
        await (await server.connect()).deliver("alice@example.org", message=message)

    serve(store, body)
    [(_, data)] = mail_of(store, "alice")
    assert data.endswith(b" +0000\r\nSubject: x\r\n\r\nReturn-Path: body\r\n")
    assert data.startswith(b"Return-Path: <dave@sender.example>\r\n")


def test_a_peer_cannot_write_into_the_header_with_its_name(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(greet=False)
        await client.hear()
        await client.say("LHLO evil;by=(other)")
        await client.deliver("alice@example.org")

    serve(store, body)
    [(_, data)] = mail_of(store, "alice")
    assert b"Received: from evil_by__other_ ([127.0.0.1])\r\n" in data


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("nobody@example.org", "550 5.1.1"),
        ("alice@elsewhere.example", "550 5.1.2"),
        ("dora@example.org", "550 5.2.1"),
        ("alice+tag@example.org", "250 2.1.5"),
        ("ALICE@Example.ORG", "250 2.1.5"),
        ("anything@catch.example", "250 2.1.5"),
        ("both@example.org", "250 2.1.5"),
        ("postmaster", "550 5.1.2"),  # of mx.example.org, which is no domain here
    ],
)
def test_recipients_are_judged_when_they_are_named(store: Store, address: str, reply: str) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.say("MAIL FROM:<>")
        assert (await client.say(f"RCPT TO:<{address}>"))[:9] == reply

    serve(store, body)


def test_the_postmaster_without_a_domain_is_that_of_the_host_name(store: Store) -> None:
    async def body(server: Running) -> None:
        assert (await (await server.connect()).deliver("Postmaster"))[0].startswith("250 ")

    serve(store, body, hostname="example.org")
    assert inbox_total(store, "carol") == 1


def test_an_alias_and_its_target_named_together_get_one_copy_each(store: Store) -> None:
    async def body(server: Running) -> None:
        replies = await (await server.connect()).deliver("both@example.org", "alice@example.org")
        assert [r[:3] for r in replies] == ["250", "250"]

    serve(store, body)
    assert (inbox_total(store, "alice"), inbox_total(store, "bob")) == (1, 1)


def test_the_same_message_sent_twice_is_there_twice(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        for _ in range(2):
            await client.deliver("alice@example.org")

    serve(store, body)
    assert inbox_total(store, "alice") == 2


def test_an_account_that_is_disabled_takes_no_mail_from_then_on(store: Store) -> None:
    def disable(tx: Transaction) -> None:
        old = tx.get(ACCOUNT, DIRECTORY, "alice")
        assert old is not None
        tx.write(ACCOUNT, DIRECTORY, old, msgspec.structs.replace(old, is_enabled=False))

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.deliver("alice@example.org")
        await server.bridge.write(disable)
        await client.say("MAIL FROM:<>")
        assert (await client.say("RCPT TO:<alice@example.org>"))[:9] == "550 5.2.1"

    serve(store, body)


@pytest.fixture
def tight(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "tight", bob=1000)
    yield store
    store.close()


BIG = MESSAGE + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 20


def test_a_full_quota_is_told_at_rcpt_when_the_size_is_declared(tight: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.say(f"MAIL FROM:<> SIZE={len(BIG)}")
        assert (await client.say("RCPT TO:<bob@example.org>")) == "452 4.2.2 Mailbox is full"
        assert (await client.say("RCPT TO:<alice@example.org>"))[:3] == "250"

    serve(tight, body)


def test_a_full_quota_of_one_recipient_does_not_fail_the_others(tight: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        replies = await client.deliver("alice@example.org", "bob@example.org", "carol@example.org", message=BIG)
        assert [r[:9] for r in replies] == ["250 2.0.0", "452 4.2.2", "250 2.0.0"]

    serve(tight, body)
    assert [inbox_total(tight, a) for a in ("alice", "bob", "carol")] == [1, 0, 1]


def test_one_recipient_with_a_full_quota_is_refused_after_the_message(tight: Store) -> None:
    async def body(server: Running) -> None:
        assert [r[:9] for r in await (await server.connect()).deliver("bob@example.org", message=BIG)] == ["452 4.2.2"]

    serve(tight, body)
    assert inbox_total(tight, "bob") == 0


def test_an_alias_takes_a_message_for_those_who_have_room(tight: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert [r[:3] for r in await client.deliver("both@example.org", message=BIG)] == ["250"]

    serve(tight, body)
    assert (inbox_total(tight, "alice"), inbox_total(tight, "bob")) == (1, 0)


def test_a_store_that_cannot_write_is_not_acknowledged_and_nothing_remains(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert isinstance(store, EmbeddedStore)
        writer: Any = store.writer
        append, writer.append = writer.append, broken_commit(store)
        assert (await client.deliver("alice@example.org"))[0].startswith("451 4.3.0")
        writer.append = append
        assert inbox_total(store, "alice") == 0
        assert (await client.deliver("alice@example.org"))[0].startswith("250 2.0.0")

    serve(store, body)
    assert inbox_total(store, "alice") == 1


def broken_commit(store: EmbeddedStore) -> Any:
    def commit() -> None:
        store.writer.rollback()
        raise OSError(28, "No space left on device")

    return commit


def test_a_large_message_waits_in_a_file_that_nobody_sees_and_that_goes_away(store: Store) -> None:
    large = MESSAGE + (b"z" * 98 + b"\r\n") * 25_000

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.envelope("alice@example.org")
        await client.say("DATA")
        client.writer.write(large[:2_000_000])
        await client.writer.drain()
        client.writer.write(large[2_000_000:] + b".\r\n")
        assert (await client.hear())[:3] == "250"
        assert server.listener._delivery.spooler.kept == 0

    serve(store, body)
    assert mail_of(store, "alice")[0][1].endswith(large)
    assert list((store.folder / "spool").iterdir()) == []


def test_a_message_that_is_broken_off_is_forgotten(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.envelope("alice@example.org")
        await client.say("DATA")
        client.writer.write(MESSAGE)
        client.writer.write_eof()
        assert await client.hear() == ""
        assert server.listener._delivery.spooler.kept == 0

    serve(store, body)
    assert inbox_total(store, "alice") == 0


def test_a_pipelined_batch_of_two_messages_is_answered_in_order(store: Store) -> None:
    envelope = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<alice@example.org>\r\n"

    async def body(server: Running) -> None:
        client = await server.connect()
        client.writer.write((envelope + b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE) * 2 + b"QUIT\r\n")
        codes = [(await client.hear())[:3] for _ in range(10)]
        assert codes == ["250", "550", "250", "250", "250", "550", "250", "250", "221", ""]

    serve(store, body)
    assert inbox_total(store, "alice") == 2


def test_a_unix_socket_is_open_to_its_group_only_and_replaces_a_stale_one(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    [sock] = open_sockets(f"unix:{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o660

    async def body(server: Running) -> None:
        assert (await (await server.connect()).deliver("alice@example.org"))[0].startswith("250 ")

    serve(store, body, sock)
    [(_, data)] = mail_of(store, "alice")
    assert b"Received: from client.example\r\n\tby mx.example.org" in data


def test_too_many_connections_are_sent_away(store: Store) -> None:
    async def body(server: Running) -> None:
        first = await server.connect()
        second = await server.connect(greet=False)
        assert (await second.hear()).startswith("421 4.7.0")
        assert await second.hear() == ""
        await first.say("QUIT")
        assert await first.hear() == ""
        await server.connect()

    serve(store, body, max_connections=1)


def test_too_many_connections_from_one_address_are_sent_away(store: Store) -> None:
    async def body(server: Running) -> None:
        await server.connect()
        assert (await (await server.connect(greet=False)).hear()).startswith("421 4.7.0")

    serve(store, body, max_connections_per_address=1)


def test_a_silent_peer_is_told_and_cut_off(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        server.listener._look(asyncio.get_running_loop().time() + 101)
        assert (await client.hear()).startswith("421 4.4.2")
        assert await client.hear() == ""

    serve(store, body, idle_seconds=100)


def test_a_peer_that_is_not_silent_for_long_is_left_alone(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        server.listener._look(asyncio.get_running_loop().time() + 50)
        assert (await client.say("NOOP")).startswith("250")

    serve(store, body, idle_seconds=100)


def test_a_stop_acknowledges_what_is_being_stored_and_says_421(store: Store) -> None:
    heard: list[Client] = []

    async def body(server: Running) -> None:
        idle, client = await server.connect(), await server.connect()
        await client.envelope("alice@example.org")
        await client.say("DATA")
        client.writer.write(MESSAGE + b".\r\nNOOP\r\n")
        heard.extend([idle, client])
        while not any(c.is_busy for c in server.listener._roster):  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0)
        await server.listener.stop()
        assert (await client.hear())[:9] == "250 2.0.0"
        assert (await client.hear())[:9] in ("421 4.3.2", "250 2.0.0")
        assert (await idle.hear()).startswith("421 4.3.2")
        assert server.listener.connection_count == 0

    serve(store, body)
    assert inbox_total(store, "alice") == 1


def test_a_peer_that_takes_no_replies_is_not_read_from(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        [connection] = server.listener._roster
        connection.pause_writing()
        readings = [connection._is_reading]
        client.writer.write(b"NOOP\r\n")
        connection.resume_writing()
        readings.append(connection._is_reading)
        assert readings == [False, True]
        assert (await client.hear()).startswith("250")

    serve(store, body)


def test_a_peer_that_sends_octet_by_octet_and_gets_nowhere_is_told_and_cut_off(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        [connection] = server.listener._roster
        now = asyncio.get_running_loop().time()
        for second in (80, 160, 240, 320):  # an octet each, so that it is never silent
            connection._touched_at = 0
            client.writer.write(b"N")
            while not connection._touched_at:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0)
            connection._touched_at = now + second
            server.listener._look(now + second)
        assert (await client.hear()).startswith("421 4.4.2")

    serve(store, body, idle_seconds=100, patience_seconds=300)
