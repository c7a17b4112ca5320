"""STORE beside other sessions: what is told, in which order, and what becomes of it when the disk refuses.

RFC 9051 §6.4.6, §7.5.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Client, deliver_to, message, running

Two = Callable[[Client, Client], Awaitable[None]]


def play(store: EmbeddedStore, body: Two, count: int = 3) -> None:
    """Have two clients that have opened the same inbox."""
    deliver_to(store, "alice", *[message(number) for number in range(count)])

    async def run() -> None:
        async with running(store) as server:
            await (await server.connect(mailbox="INBOX")).ok("STORE 1:* FLAGS.SILENT ()")
            await body(await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX"))

    asyncio.run(run())


def test_what_others_have_changed_is_told_before_what_the_command_did(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        await other.ok("STORE 1 +FLAGS (\\Seen)")
        await other.append("INBOX", b"Subject: new\r\n\r\nx\r\n")
        assert await one.ok("STORE 2 +FLAGS (\\Flagged)") == [
            "* 4 EXISTS",
            "* 0 RECENT",
            "* 1 FETCH (UID 1 FLAGS (\\Seen))",
            "* 2 FETCH (FLAGS (\\Flagged))",
        ]
        assert await one.ok("NOOP") == []
        assert await other.ok("NOOP") == ["* 2 FETCH (UID 2 FLAGS (\\Flagged))"]

    play(store, body)


def test_a_message_that_both_have_changed_is_told_once_as_it_has_become(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        await other.ok("STORE 1 +FLAGS (\\Seen)")
        assert await one.ok("STORE 1 +FLAGS (\\Flagged)") == ["* 1 FETCH (FLAGS (\\Flagged \\Seen))"]
        await other.ok("STORE 1 -FLAGS (\\Seen)")
        # RFC 9051 §6.4.6: what comes "from an external source" is told even if the change itself is not.
        assert await one.ok("STORE 1 +FLAGS.SILENT (\\Draft)") == ["* 1 FETCH (FLAGS (\\Draft \\Flagged))"]
        assert await one.ok("STORE 1 -FLAGS.SILENT (\\Draft)") == []
        assert await one.ok("NOOP") == []

    play(store, body)


def test_a_removal_is_not_told_while_numbers_are_in_use_and_not_forgotten(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.ok("EXPUNGE")
        assert await one.ok("STORE 2 +FLAGS (\\Seen)") == ["* 2 FETCH (FLAGS (\\Seen))"]
        assert await one.ok("NOOP") == ["* 1 EXPUNGE"]
        await other.ok("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.ok("EXPUNGE")
        assert await one.ok("UID STORE 3 +FLAGS (\\Seen)") == ["* 2 FETCH (UID 3 FLAGS (\\Seen))", "* 1 EXPUNGE"]
        assert await one.ok("FETCH 1 (UID)") == ["* 1 FETCH (UID 3)"]

    play(store, body)


def test_flags_of_several_messages_and_deleted_among_them_become_what_was_asked(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        await one.ok("STORE 1,3 FLAGS.SILENT (\\Seen \\Deleted kept)")
        assert await one.ok("FETCH 1:* (FLAGS)") == [
            "* 1 FETCH (FLAGS (\\Seen kept \\Deleted))",
            "* 2 FETCH (FLAGS ())",
            "* 3 FETCH (FLAGS (\\Seen kept \\Deleted))",
        ]
        await one.ok("STORE 1:3 FLAGS.SILENT (\\Flagged)")
        heard = await other.ok("NOOP")
        assert heard[-3:] == [f"* {number} FETCH (UID {number} FLAGS (\\Flagged))" for number in (1, 2, 3)]
        await one.ok("STORE 2 -FLAGS (\\Deleted \\Flagged)")
        assert await other.ok("NOOP") == ["* 2 FETCH (UID 2 FLAGS ())"]

    play(store, body)


def test_who_has_not_heard_of_a_change_does_not_undo_it(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        await one.ok("ENABLE CONDSTORE")
        (line,) = [line for line in await one.ok("STATUS INBOX (HIGHESTMODSEQ)") if "STATUS" in line]
        known = int(line.rpartition(" ")[2].rstrip(")"))
        await other.ok("STORE 1 +FLAGS (\\Seen)")
        heard = await one.say(f"STORE 1:2 (UNCHANGEDSINCE {known}) FLAGS (\\Flagged)")
        assert heard[-1].startswith("OK [MODIFIED 1]")
        assert [line.partition(" MODSEQ")[0] for line in heard[:-1]] == [
            "* 1 FETCH (UID 1 FLAGS (\\Seen)",
            "* 2 FETCH (FLAGS (\\Flagged)",
        ]

    play(store, body)


def test_a_change_that_could_not_be_committed_is_told_to_nobody(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    async def body(one: Client, other: Client) -> None:
        await other.ok("STORE 1 +FLAGS (\\Seen)")
        with monkeypatch.context() as patch:
            patch.setattr("pillarbox.storage.text_index.follow", broken)
            both = await asyncio.gather(one.say("STORE 2 +FLAGS (lost)"), other.say("STORE 3 +FLAGS (lost)"))
        assert [heard[-1].partition("]")[0] for heard in both] == ["NO [UNAVAILABLE"] * 2
        assert [heard[:-1] for heard in both] == [["* 1 FETCH (UID 1 FLAGS (\\Seen))"], []]
        await other.ok("STORE 2 +FLAGS (\\Draft)")  # the number that was lost is given to another change
        assert await one.ok("NOOP") == ["* 2 FETCH (UID 2 FLAGS (\\Draft))"]
        assert await one.ok("FETCH 1:* (FLAGS)") == await other.ok("FETCH 1:* (FLAGS)")

    play(store, body)


def test_a_body_of_which_nothing_remains_takes_nothing_of_others_with_it(store: EmbeddedStore) -> None:
    async def body(one: Client, other: Client) -> None:
        for turn in range(4):
            failed, done = await asyncio.gather(
                one.say("APPEND nowhere (\\Seen) {3+}\r\nabc"), other.say(f"STORE 1 +FLAGS (k{turn})")
            )
            assert failed[-1].startswith("NO")
            assert done[-1].startswith("OK")
        assert "* 1 FETCH (FLAGS (k0 k1 k2 k3))" in await one.ok("FETCH 1 (FLAGS)")

    play(store, body)


def test_an_email_has_at_most_a_hundred_keywords_whoever_sets_them(store: EmbeddedStore) -> None:
    words = [f"w{number}" for number in range(98)]

    async def body(one: Client, other: Client) -> None:
        await one.ok(f"STORE 1 +FLAGS.SILENT ({' '.join(words)} a b)")
        refused = await one.say("STORE 1 +FLAGS (c)")
        assert refused[-1].startswith("NO [LIMIT]")
        assert (await one.say(f"STORE 2 FLAGS ({' '.join(words)} a b c)"))[-1].startswith("NO [LIMIT]")
        # What was there before the limit may go, and changes that add nothing are none of it.
        await one.ok("STORE 1 -FLAGS.SILENT (a)")
        await one.ok(r"STORE 1 +FLAGS.SILENT (\Seen)")
        await one.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
        assert (await other.append("INBOX", b"x", flags=" ".join([*words, "a", "b", "c"]))).startswith("NO [LIMIT]")
        assert (await other.ok("SEARCH KEYWORD c"))[-1] == "* SEARCH"

    play(store, body)
