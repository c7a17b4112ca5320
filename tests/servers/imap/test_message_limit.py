"""A mailbox of five messages, of which one command deals with two, or with as many as it likes (RFC 9738)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import Client, deliver_to, message, running

FEW = "NO [MESSAGELIMIT 2 4] "


def play(store: Store, body: Callable[[Client], Awaitable[None]], *, enable: str = "", **settings: Any) -> None:
    """A client with the mailbox open."""
    deliver_to(store, "alice", *(message(n) for n in range(1, 6)))

    async def run() -> None:
        async with running(store, **{"message_limit": 2, **settings}) as server:
            client = await server.connect()
            if enable:
                await client.ok(f"ENABLE {enable}")
            await client.ok("SELECT INBOX")
            await body(client)

    asyncio.run(run())


def test_the_limits_are_told_where_they_are_set(store: Store) -> None:
    async def both(client: Client) -> None:
        words = (await client.ok("CAPABILITY"))[0].split()
        assert "MESSAGELIMIT=2" in words
        assert "SAVELIMIT=4" in words

    async def neither(client: Client) -> None:
        words = (await client.ok("CAPABILITY"))[0]
        assert "MESSAGELIMIT" not in words
        assert "SAVELIMIT" not in words
        assert len(await client.ok("FETCH 1:* UID")) == 10  # five came twice

    play(store, both, save_limit=4)
    play(store, neither, message_limit=0)


def test_of_more_messages_the_newest_are_fetched_and_the_client_goes_on_before_them(store: Store) -> None:
    async def body(client: Client) -> None:
        heard = await client.say("UID FETCH 1:* FLAGS")
        assert [line.split()[1] for line in heard[:-1]] == ["4", "5"]
        assert heard[-1].startswith("OK [MESSAGELIMIT 2 4] ")
        heard = await client.say("UID FETCH 1:3 FLAGS")
        assert [line.split()[1] for line in heard[:-1]] == ["2", "3"]
        assert heard[-1].startswith("OK [MESSAGELIMIT 2 2] ")
        heard = await client.say("UID FETCH 1 FLAGS")
        assert len(heard) == 2
        assert "MESSAGELIMIT" not in heard[-1]
        # Those that are there count, in whatever form they are named.
        assert (await client.say("FETCH 1,3,5 UID"))[-1].startswith("OK [MESSAGELIMIT 2 3] ")
        assert "MESSAGELIMIT" not in (await client.say("UID FETCH 5:900 FLAGS"))[-1]

    play(store, body)


def test_a_part_that_is_larger_than_the_limit_is_not_fetched(store: Store) -> None:
    async def body(client: Client) -> None:
        heard = await client.say("UID FETCH 1:* FLAGS (PARTIAL -1:-3)")
        assert len(heard) == 1
        assert heard[0].startswith("NO [MESSAGELIMIT 2 4] ")
        assert len(await client.ok("UID FETCH 1:* FLAGS (PARTIAL -1:-2)")) == 2

    play(store, body)


def test_flags_of_the_newest_are_changed_and_told_beside_another_code(store: Store) -> None:
    async def body(client: Client) -> None:
        heard = await client.say("STORE 1:* +FLAGS (\\Flagged)")
        assert [line.split()[1] for line in heard[:-1]] == ["4", "5"]
        assert heard[-1].startswith("OK [MESSAGELIMIT 2 4] ")
        assert await client.ok("UID SEARCH UIDAFTER 3 FLAGGED") == ["* SEARCH 4 5"]
        *before, tagged = await client.say("UID STORE 2:5 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)")
        assert tagged.startswith("OK [MODIFIED 4:5] ")
        assert before[-1].startswith("* NO [MESSAGELIMIT 2 4] ")

    play(store, body)


def test_a_search_looks_at_the_newest_of_those_that_its_outermost_keys_name(store: Store) -> None:
    async def body(client: Client) -> None:
        assert await client.say("UID SEARCH ALL") == ["* SEARCH 4 5", "OK [MESSAGELIMIT 2 4] Searched"]
        assert await client.say("UID SEARCH UIDBEFORE 4") == ["* SEARCH 2 3", "OK [MESSAGELIMIT 2 2] Searched"]
        assert await client.say("UID SEARCH 1:3 UID 2:5 SUBJECT message") == ["* SEARCH 2 3", "OK Searched"]
        assert await client.say("UID SEARCH UIDAFTER 1 UIDBEFORE 3") == ["* SEARCH 2", "OK Searched"]
        assert await client.say("UID SEARCH UIDAFTER 5") == ["* SEARCH", "OK Searched"]
        assert await client.say("SEARCH 9") == ["* SEARCH", "OK Searched"]
        # What stands deeper narrows nothing.
        assert await client.say("UID SEARCH OR 1 2") == ["* SEARCH", "OK [MESSAGELIMIT 2 4] Searched"]

    play(store, body)


def test_what_a_search_saves_is_what_it_has_found(store: Store) -> None:
    async def body(client: Client) -> None:
        assert await client.say("SEARCH RETURN (SAVE) ALL") == ["OK [MESSAGELIMIT 2 4] Searched"]
        assert [line.split()[1] for line in await client.ok("FETCH $ UID")] == ["4", "5"]

    play(store, body)


@pytest.mark.parametrize(
    "command",
    [
        "SORT (DATE) UTF-8 ALL",
        "UID SORT RETURN (COUNT) (DATE) UTF-8 ALL",
        "THREAD REFS UTF-8 ALL",
        "SEARCH RETURN (UPDATE) ALL",
        "COPY 1:* Drafts",
        "UID COPY 1,2,4,5 Drafts",
    ],
)
def test_what_is_of_all_or_none_is_refused(store: Store, command: str) -> None:
    async def body(client: Client) -> None:
        (heard,) = await client.say(command)
        assert heard.startswith(FEW)
        assert await client.ok("STATUS Drafts (MESSAGES)") == ["* STATUS Drafts (MESSAGES 0)"]

    play(store, body)


def test_what_is_of_all_is_done_where_there_are_few(store: Store) -> None:
    async def body(client: Client) -> None:
        assert await client.ok("UID SORT (DATE) UTF-8 UIDAFTER 3") == ["* SORT 4 5"]
        assert await client.ok("UID THREAD REFS UTF-8 4:5") == ["* THREAD (4)(5)"]
        assert "COPYUID" in (await client.say("COPY 4:5 Drafts"))[-1]

    play(store, body)


def test_the_newest_are_moved_and_the_others_stay(store: Store) -> None:
    async def body(client: Client) -> None:
        *before, tagged = await client.say("MOVE 1:* Archive")
        assert before[0].endswith(" 4:5 1:2] Moved")
        assert tagged.startswith("OK [MESSAGELIMIT 2 4] ")
        assert await client.ok("UID SEARCH UIDAFTER 1") == ["* SEARCH 2 3"]

    play(store, body)


def test_uid_expunge_counts_what_is_deleted_and_expunge_does_not_count(store: Store) -> None:
    async def body(client: Client) -> None:
        for uid in (1, 2, 5):
            await client.ok(f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)")
        *before, tagged = await client.say("UID EXPUNGE 1:*")
        assert before == ["* 5 EXPUNGE", "* 2 EXPUNGE", "* 3 RECENT"]
        assert tagged.startswith("OK [MESSAGELIMIT 2 2] ")
        await client.ok("STORE 2:3 +FLAGS.SILENT (\\Deleted)")
        removed = ["* 3 EXPUNGE", "* 2 EXPUNGE", "* 1 EXPUNGE", "* 0 RECENT"]
        assert await client.say("EXPUNGE") == [*removed, "OK Removed"]

    play(store, body)


def test_who_has_qresync_is_told_the_number_in_the_tagged_response_still(store: Store) -> None:
    async def body(client: Client) -> None:
        for uids in ("1:2", "3:4"):
            await client.ok(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
        *before, tagged = await client.say("UID EXPUNGE 1:*")
        assert "* VANISHED 3:4" in before
        assert before[-1].startswith("* NO [MESSAGELIMIT 2 3] ")
        assert tagged.startswith("OK [HIGHESTMODSEQ ")

    play(store, body, enable="QRESYNC")


def test_so_many_messages_are_appended_or_copied_as_may_be_saved(store: Store) -> None:
    async def body(client: Client) -> None:
        three = "{1+}\r\na {1+}\r\nb {1+}\r\nc"
        assert (await client.say(f"APPEND Drafts {three} {{1+}}\r\nd"))[-1].startswith("NO [MESSAGELIMIT 3] ")
        assert await client.ok("STATUS Drafts (MESSAGES)") == ["* STATUS Drafts (MESSAGES 0)"]
        await client.ok(f"APPEND Drafts {three}")
        assert (await client.say("COPY 2:5 Drafts"))[-1].startswith("NO [MESSAGELIMIT 3 3] ")
        await client.ok("COPY 3:5 Drafts")
        assert await client.ok("STATUS Drafts (MESSAGES)") == ["* STATUS Drafts (MESSAGES 6)"]

    play(store, body, save_limit=3)
