"""Every command in mailboxes of one's own, of others, and of those who share nothing: rights hold, nothing leaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.view import Transaction
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.servers.imap.access_matrix import BY_NAME, SELECTED, TARGETS, Case
from tests.servers.imap.imap_server import Client, Running, change_account, deliver_to, fill, message, running

OWNERS = {"own": "alice", "write": "bob", "read": "carol", "none": "dave"}


def place(relation: str, owner: str | None = None) -> dict[str, str]:
    """What stands in a command for the mailboxes of the one who has this relation to alice."""
    name = f"{owner or OWNERS[relation]}@example.org"
    top = "" if relation == "own" else f"Other Users/{name}/"
    return {"box": f'"{top}INBOX"', "top": top and f'"{top}', "owner": name}


def spelled(case: Case, words: dict[str, str]) -> str:
    """The command, with names in quotes where they hold a space."""
    text = case.command.format(**words)
    if words["top"]:
        text = " ".join(
            word + '"' if word.count('"') == 1 else word
            for word in text.replace("Other Users", "Other\0Users").split(" ")
        )
    return text.replace("\0", " ")


async def answer(client: Client, command: str) -> tuple[str, list[str]]:
    """How a command ended, with its code but not its words, and what was told before."""
    *told, end = await client.say(command)
    status, _, rest = end.partition(" ")
    code = rest[: rest.index("]") + 1] if status == "NO" and rest.startswith("[") else ""
    return f"{status} {code}".strip(), told


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    store = EmbeddedStore(tmp_path)
    fill(store)
    for owner in OWNERS.values():
        deliver_to(store, owner, *map(message, range(1, 10)))
    return store


async def answers(server: Running, cases: Sequence[Case], relation: str, mailbox: str | None = None) -> dict[str, str]:
    """How each command ended, each in a session of its own. Who shares nothing is not told of."""
    out = {}
    for case in cases:
        client = await server.connect(mailbox=mailbox)
        out[case.command], told = await answer(client, spelled(case, place(relation)))
        assert relation != "none" or told == []
    return out


def expected(cases: Sequence[Case], relation: str) -> dict[str, str]:
    return {case.command: getattr(case, relation) for case in cases}


@pytest.mark.parametrize("relation", OWNERS)
def test_commands_on_a_mailbox_end_as_its_rights_say(store: EmbeddedStore, relation: str) -> None:
    async def play() -> None:
        async with running(store) as server:
            assert await answers(server, BY_NAME, relation) == expected(BY_NAME, relation)

    asyncio.run(play())
    store.close()


@pytest.mark.parametrize("relation", ["own", "write", "read"])
def test_commands_on_messages_end_as_the_rights_say(store: EmbeddedStore, relation: str) -> None:
    async def play() -> None:
        async with running(store) as server:
            heard = await answers(server, SELECTED, relation, mailbox=place(relation)["box"])
            assert heard == expected(SELECTED, relation)

    asyncio.run(play())
    store.close()


@pytest.mark.parametrize("relation", OWNERS)
def test_messages_go_where_one_may_write(store: EmbeddedStore, relation: str) -> None:
    async def play() -> None:
        async with running(store) as server:
            assert await answers(server, TARGETS, relation, mailbox="INBOX") == expected(TARGETS, relation)

    asyncio.run(play())
    store.close()


def test_whether_somebody_is_there_who_shares_nothing_is_not_told(store: EmbeddedStore) -> None:
    async def play() -> None:
        async with running(store) as server:
            for case in (*BY_NAME, *TARGETS):
                heard = []
                for owner in ("dave", "nobody"):
                    client = await server.connect(mailbox="INBOX")
                    lines = await client.say(spelled(case, place("none", owner)))
                    heard.append([line.replace(owner, "X") for line in lines])
                assert heard[0] == heard[1]

    asyncio.run(play())
    store.close()


def test_reading_in_an_account_that_is_read_only_leaves_messages_unseen(store: EmbeddedStore) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox='"Other Users/carol@example.org/INBOX"')
            await client.ok("FETCH 1:* BODY[]")
            (line,) = await client.ok("SEARCH UNSEEN")
            assert line == "* SEARCH " + " ".join(map(str, range(1, 10)))

    asyncio.run(play())
    store.close()


def test_who_shares_nothing_is_in_no_list(store: EmbeddedStore) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect()
            for command in (
                'LIST "" "*"',
                'LIST "Other Users/" "%"',
                'LSUB "" "*"',
                'LIST "" ("%" "*/INBOX") RETURN (MYRIGHTS)',
            ):
                lines = await client.ok(command)
                assert lines
                assert not any("dave" in line for line in lines)

    asyncio.run(play())
    store.close()


@pytest.mark.parametrize("delegates", [{}, {"alice": "read"}], ids=["no more", "to read only"])
def test_the_next_command_after_a_delegation_was_taken_back_ends_the_session(
    store: EmbeddedStore, delegates: dict[str, str]
) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox='"Other Users/bob@example.org/INBOX"')
            await change(server.bridge.store, "bob", delegates=delegates)
            assert (await client.say("FETCH 1 BODY[]")) == ["* BYE The login no longer holds", ""]

    asyncio.run(play())
    store.close()


@pytest.mark.parametrize(("who", "changes"), [("bob", {"delegates": {}}), ("alice", {"is_enabled": False})])
def test_idle_ends_when_a_right_is_taken_back(store: EmbeddedStore, who: str, changes: dict[str, object]) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox='"Other Users/bob@example.org/INBOX"')
            client.send(b"i IDLE\r\n")
            assert (await client.hear()).startswith("+ ")
            await server.bridge.write(lambda tx: change_account(tx, who, **changes))
            assert await client.hear() == "* BYE The login no longer holds"
            assert await client.hear() == ""

    asyncio.run(play())
    store.close()


def test_a_delegation_that_is_not_open_may_be_taken_back_without_a_word(store: EmbeddedStore) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            await server.bridge.write(lambda tx: change_account(tx, "bob", delegates={}))
            assert (await answer(client, 'STATUS "Other Users/bob@example.org/INBOX" (MESSAGES)'))[
                0
            ] == "NO [NONEXISTENT]"
            assert (await answer(client, 'COPY 1 "Other Users/bob@example.org/INBOX"'))[0] == "NO [NONEXISTENT]"

    asyncio.run(play())
    store.close()


async def change(store: Store, id: str, **changes: object) -> None:
    """Have an account changed by somebody else."""

    def body(tx: Transaction) -> None:
        assert tx.get(ACCOUNT, DIRECTORY, id) is not None
        change_account(tx, id, **changes)

    await asyncio.to_thread(store.write, body)


def test_what_is_open_for_reading_only_by_ones_own_wish_cannot_be_changed(store: EmbeddedStore) -> None:
    async def play() -> None:
        async with running(store) as server:
            client = await server.connect()
            await client.ok("EXAMINE INBOX")
            for command in (
                "STORE 1 +FLAGS (\\Seen)",
                "EXPUNGE",
                "UID EXPUNGE 1",
                "MOVE 1 Drafts",
                "REPLACE 1 Drafts {1+}\r\nx",
            ):
                assert await answer(client, command) == ("NO [CANNOT]", [])

    asyncio.run(play())
    store.close()
