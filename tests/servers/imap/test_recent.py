r"""Tests of \Recent (RFC 3501 §2.3.2), which IMAP4rev2 has done away with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.imap.recent import Recent
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Client, Running, deliver_to, fill, message, running

Play = Callable[[Running], Awaitable[None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", message(1), message(2))
    yield store
    store.close()


def play(store: EmbeddedStore, body: Play) -> None:
    async def run() -> None:
        async with running(store) as server:
            await body(server)

    asyncio.run(run())


async def recent(client: Client, command: str = "SELECT INBOX") -> str:
    (line,) = [line for line in await client.ok(command) if line.endswith(" RECENT")]
    return line


async def flags(client: Client, command: str) -> list[str]:
    """The flags that are told of messages, but for one that delivery has set."""
    lines = await client.ok(command)
    return [line[line.index("FLAGS (") + 7 : line.index(")")].replace("$hasnoattachment", "").strip() for line in lines]


async def status(client: Client) -> str:
    (line,) = await client.ok("STATUS INBOX (RECENT)")
    return line


def test_messages_are_recent_to_the_first_session_that_opens_the_mailbox_to_write(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        looker, first, second = [await server.connect() for _ in range(3)]
        assert await status(looker) == "* STATUS INBOX (RECENT 2)"
        assert await recent(looker, "EXAMINE INBOX") == "* 2 RECENT"
        assert await recent(first) == "* 2 RECENT"
        assert await recent(second) == "* 0 RECENT"
        assert await status(second) == "* STATUS INBOX (RECENT 0)"
        assert await flags(first, "FETCH 1:* (FLAGS)") == [r"\Recent", r"\Recent"]
        assert await flags(second, "FETCH 1:* (FLAGS)") == ["", ""]
        # It is not a flag that a client sets; it is told with those that are.
        assert await flags(first, r"STORE 1 FLAGS (\Seen)") == [r"\Recent \Seen"]
        assert await flags(second, "NOOP") == [r"\Seen"]
        for key, found in (("RECENT", " 1 2"), ("NEW", " 2"), ("OLD", ""), ("NOT RECENT", "")):
            assert await first.ok(f"SEARCH {key}") == [f"* SEARCH{found}"], key
        for key, found in (("RECENT", ""), ("NEW", ""), ("OLD", " 1 2")):
            assert await second.ok(f"SEARCH {key}") == [f"* SEARCH{found}"], key

    play(store, body)


@pytest.mark.parametrize("leave", ["CLOSE", "UNSELECT", "SELECT Sent", "LOGOUT", "UNAUTHENTICATE"])
def test_what_comes_while_a_mailbox_is_open_is_not_recent_after_it_was_left(store: EmbeddedStore, leave: str) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect()
        await other.append("INBOX", message(3))
        assert await client.ok("NOOP") == ["* 3 EXISTS", "* 3 RECENT"]
        assert await flags(client, "FETCH 3 (FLAGS)") == [r"\Recent"]
        await client.ok(leave)
        assert await recent(other) == "* 0 RECENT"

    play(store, body)


def test_what_comes_is_recent_to_the_first_that_hears_of_it(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        clients = [await server.connect(mailbox="INBOX") for _ in range(2)]
        for number in range(3, 7):
            first, second = clients if number % 2 else reversed(clients)
            await (await server.connect()).append("INBOX", message(number))
            await first.ok("NOOP")
            await second.ok("NOOP")
            assert await flags(second, f"FETCH {number} (FLAGS)") == [""]
            assert await flags(first, f"FETCH {number} (FLAGS)") == [r"\Recent"]
        assert await status(await server.connect()) == "* STATUS INBOX (RECENT 0)"
        assert await flags(clients[1], "FETCH 3:* (FLAGS)") == ["", r"\Recent", "", r"\Recent"]
        assert await clients[1].ok("SEARCH RECENT") == ["* SEARCH 4 6"]
        assert await clients[0].ok("SEARCH RECENT") == ["* SEARCH 1 2 3 5"]
        await clients[0].append("INBOX", message(9))
        assert await clients[0].ok("SEARCH NEW") == ["* SEARCH 1 2 3 5 7"]

    play(store, body)


def test_what_nobody_was_told_of_stays_recent(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect()
        await other.append("INBOX", message(3))
        client.writer.close()  # it has not asked what is new
        await client.writer.wait_closed()
        assert await recent(other) == "* 1 RECENT"
        assert await flags(other, "FETCH 1:* (FLAGS)") == ["", "", r"\Recent"]

    play(store, body)


def test_who_hangs_up_was_told_what_it_was_told(store: EmbeddedStore) -> None:
    async def hang_up(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect()
        await other.append("INBOX", message(3))
        assert await client.ok("NOOP") == ["* 3 EXISTS", "* 3 RECENT"]

    async def look(server: Running) -> None:
        assert await recent(await server.connect()) == "* 0 RECENT"

    play(store, hang_up)  # the server stops with the mailbox open
    play(store, look)


def test_copies_are_recent_where_they_come_to(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        await client.ok(r"STORE 1 FLAGS.SILENT (\Flagged)")
        await client.ok("COPY 1 Sent")
        assert await recent(client, "SELECT Sent") == "* 1 RECENT"
        assert await flags(client, "FETCH 1 (FLAGS)") == [r"\Recent \Flagged"]

    play(store, body)


def test_imap4rev2_has_no_recent_messages(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(), await server.connect()
        await client.ok("ENABLE IMAP4rev2")
        assert not [line for line in await client.ok("SELECT INBOX") if "RECENT" in line]
        assert await flags(client, "FETCH 1 (FLAGS)") == [""]
        await other.append("INBOX", message(3))
        assert await client.ok("NOOP") == ["* 3 EXISTS"]
        await client.ok("CLOSE")
        # It was told of them all, and of none that it is recent: so they are to the next that has this flag.
        assert await recent(other) == "* 3 RECENT"

    play(store, body)


def test_a_mailbox_can_be_opened_where_nothing_can_be_written(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(server: Running) -> None:
        async def fail(*_args: object, **_more: object) -> None:
            raise OSError("the disk is full")

        client = await server.connect()
        monkeypatch.setattr(server.bridge, "write", fail)
        assert await recent(client) == "* 2 RECENT"
        assert await flags(client, "FETCH 1 (FLAGS)") == [r"\Recent"]

    play(store, body)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_ranges_are_kept_joined_and_tell_what_is_in_them(steps: list[tuple[int, int]]) -> None:
    recent, there, at = Recent(), set[int](), 1
    for gap, length in steps:
        at += gap
        recent.add(at, at + length)
        there.update(range(at, at + length))
        at += length
    uids = list(range(1, at + 3))
    assert {uid for uid in uids if recent.holds(uid)} == there
    assert recent.count(uids) == len(there)
    assert [recent.reaches(uid) for uid in uids] == [any(one <= uid for one in there) for uid in uids]
    assert all(before < first for (_, before), (first, _) in pairwise(recent.ranges))
    assert recent.mark(uids, [b"()" for _ in uids]) == [rb"(\Recent)" if uid in there else b"()" for uid in uids]


def test_how_many_are_recent_is_told_when_some_of_them_go(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await other.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
        assert await other.ok("EXPUNGE") == ["* 1 EXPUNGE"]  # to this one nothing was recent
        told = await client.ok("NOOP")
        assert told == ["* 1 EXPUNGE", "* 1 RECENT"]

    play(store, body)
