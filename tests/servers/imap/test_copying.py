"""COPY and MOVE of more messages than fit into one transaction, where not all of them find room."""

from __future__ import annotations

import asyncio

from pillarbox.datatypes.view import Transaction
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import change_account, deliver_to, message, running

MANY = 502  # two more than a transaction takes
BOX = '"Other Users/bob@example.org/INBOX"'


def fill(tx: Transaction) -> None:
    for number in range(MANY):
        deliver(tx, "alice", message(number % 60))
    change_account(tx, "bob", quota_count=MANY)  # with the one that is there, one too few


def test_a_copy_is_of_all_or_of_none(store: Store) -> None:
    deliver_to(store, "bob", message(1))
    store.write(fill)

    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            assert (await client.say(f"COPY 1:* {BOX}"))[-1].startswith("NO [OVERQUOTA] ")
            assert await client.ok(f"STATUS {BOX} (MESSAGES)") == [f"* STATUS {BOX} (MESSAGES 1)"]
            # With one message less there is room: nothing of the first attempt takes it.
            assert "COPYUID" in (await client.say(f"COPY 2:* {BOX}"))[-1]
            assert await client.ok(f"STATUS {BOX} (MESSAGES)") == [f"* STATUS {BOX} (MESSAGES {MANY})"]

    asyncio.run(play())


def test_a_move_that_finds_room_for_some_leaves_each_message_in_one_place(store: Store) -> None:
    deliver_to(store, "bob", message(1))
    store.write(fill)

    async def play() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            assert (await client.say(f"MOVE 1:* {BOX}"))[-1].startswith("NO [OVERQUOTA] ")
            left = (await client.ok("STATUS INBOX (MESSAGES)"))[-1]
            there = (await client.ok(f"STATUS {BOX} (MESSAGES)"))[-1]
            assert (left, there) == ("* STATUS INBOX (MESSAGES 2)", f"* STATUS {BOX} (MESSAGES 501)")

    asyncio.run(play())
