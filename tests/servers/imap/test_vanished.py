"""What is told of removals that the store no longer remembers, to who was away, and to who had the mailbox open."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import Transaction
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage import purge
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import Client, Running, deliver_to, message, running


def forget(store: Store) -> None:
    """Have the store forget the removals that there have been."""
    before = store.read(lambda view: view.state(EMAIL, "alice"))
    while store.write(lambda tx: purge.step(tx.db, "alice", EMAIL, before)):
        pass
    assert store.read(lambda view: view.known_since("alice")) == before


def talk(store: Store, body: Callable[[Running, Client], Awaitable[None]]) -> None:
    """Ten messages, of which 2, 3, 5 and 9 are removed by one client while another one has them selected."""
    deliver_to(store, "alice", *(message(n) for n in range(1, 11)))

    async def main() -> None:
        async with running(store) as server:
            watching, removing = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
            await removing.ok("STORE 2,3,5,9 +FLAGS.SILENT (\\Deleted)")
            await removing.ok("EXPUNGE")
            await removing.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")  # what came last is never forgotten
            forget(store)
            await body(server, watching)

    asyncio.run(main())


def test_who_has_the_mailbox_open_hears_of_removals_that_are_forgotten(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        assert await client.ok("NOOP") == [f"* {number} EXPUNGE" for number in (9, 5, 3, 2)] + [
            "* 6 RECENT",
            "* 1 FETCH (UID 1 FLAGS (\\Recent \\Flagged $hasnoattachment))",
        ]
        assert await client.ok("UID SEARCH ALL") == ["* SEARCH 1 4 6 7 8 10"]
        assert await client.ok("FETCH 6 (UID)") == ["* 6 FETCH (UID 10)"]

    talk(store, body)


def test_what_a_process_remembers_of_a_mailbox_is_not_patched_over_a_gap(store: Store) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 5)))

    def remove(tx: Transaction) -> None:
        inbox = id_of_role(tx, "alice", "inbox")
        assert inbox is not None
        ids = [row.item for row in tx.memberships_of("alice", inbox, [2])]
        set_deleted(tx, "alice", inbox, ids, on=True)
        expunge(tx, "alice", inbox, ids)

    async def main() -> None:
        async with running(store) as server:
            assert (await server.connect(mailbox="INBOX")) is not None
            store.write(remove)  # as another process does
            deliver_to(store, "alice", message(5))
            forget(store)
            client = await server.connect()
            assert (await client.ok("SELECT INBOX"))[0] == "* 4 EXISTS"
            assert await client.ok("UID SEARCH ALL") == ["* SEARCH 1 3 4 5"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ("", "2:3,5,9"),
        (" 1:10", "2:3,5,9"),
        (" 3:6,9", "3,5,9"),
        (" 1,4,6:8", ""),
        # Message 2 has the UID 4 here and there: up to it both lists are the same, so nothing is told of it.
        (" 1:10 (1:2 1,4)", "5,9"),
        # The client believes that message 3 has the UID 3: only message 1 is right.
        (" 1:10 (1,3 1,3)", "2:3,5,9"),
        (" 1:10 (2,5 4,8)", "9"),
        # Numbers beyond the last message.
        (" 1:10 (1,5,50 1,8,50)", "9"),
        (" 1:10 (1:4294967295 1:4294967295)", "2:3,5,9"),
        (" 1:4294967295", "2:3,5,9"),
    ],
)
def test_who_comes_back_is_told_of_all_that_is_not_there_but_for_what_it_has_right(
    store: Store, known: str, told: str
) -> None:
    async def body(server: Running, _: Client) -> None:
        client = await server.connect()
        await client.ok("ENABLE QRESYNC")
        selected = await client.ok("SELECT INBOX")
        validity = re.findall(r"UIDVALIDITY (\d+)", "".join(selected))[0]
        heard = await client.ok(f"SELECT INBOX (QRESYNC ({validity} 1{known}))")
        vanished = [line.removeprefix("* VANISHED (EARLIER) ") for line in heard if "VANISHED" in line]
        assert vanished == [told] * bool(told)

    talk(store, body)


def test_a_fetch_of_what_vanished_is_bounded_by_its_set(store: Store) -> None:
    async def body(_: Running, client: Client) -> None:
        await client.ok("ENABLE QRESYNC")
        await client.ok("SELECT INBOX")
        heard = await client.ok("UID FETCH 3:5,9:* (UID) (CHANGEDSINCE 1 VANISHED)")
        assert heard[0] == "* VANISHED (EARLIER) 3,5,9"

    talk(store, body)
