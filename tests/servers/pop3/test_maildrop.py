"""What a session sees of an inbox, what it removes, and when."""

import asyncio
import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import Transaction
from pillarbox.net.count import Counts
from pillarbox.servers.pop3 import removal
from pillarbox.services.mail.flag import remove, set_deleted
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import fill
from tests.servers.pop3.pop3_server import (
    Client,
    Running,
    deliver_to,
    inbox_ids,
    keywords_of,
    message,
    running,
    serve,
)
from tests.support.engine import ENGINES, opener


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each engine, with accounts."""
    with opener(request, tmp_path) as opened:
        store = opened()
        fill(store)
        yield store


async def change(server: Running, name: str, **changes: object) -> None:
    """Change an account as an administrator does."""

    def body(tx: Transaction) -> None:
        old = tx.get(ACCOUNT, DIRECTORY, name)
        assert old is not None
        tx.write(ACCOUNT, DIRECTORY, old, msgspec.structs.replace(old, **changes))

    await server.bridge.write(body)


async def end(client: Client) -> None:
    """Go away without a word, and wait until the server has noticed."""
    client.writer.close()
    with contextlib.suppress(ConnectionError):
        await client.writer.wait_closed()


async def alone(server: Running, count: int = 0) -> None:
    """Wait until the server has so many connections."""
    while server.listener.connection_count != count:  # noqa: ASYNC110 -- turns of the loop, no time
        await asyncio.sleep(0)


def test_without_quit_nothing_is_deleted_and_the_maildrop_is_free_again(store: Store) -> None:
    deliver_to(store, "alice", message(1), message(2))

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("DELE 1")
        await end(client)
        await alone(server)
        assert await (await server.connect()).ok("STAT") == "2 252"

    serve(store, body)
    assert len(inbox_ids(store)) == 2


def test_a_client_that_half_closes_is_served_to_its_quit(store: Store) -> None:
    deliver_to(store, "alice", message(1), message(2))

    async def body(server: Running) -> None:
        client = await server.connect()
        client.send(b"RETR 2\r\nDELE 1\r\nQUIT\r\n")
        client.writer.write_eof()
        heard = await client.reader.read()
        assert heard.endswith(b"number 2.\r\n.\r\n+OK Message 1 deleted\r\n+OK Goodbye\r\n")

    serve(store, body)
    assert len(inbox_ids(store)) == 1


def test_deletions_that_end_without_quit_are_none(store: Store) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        client = await server.connect()
        client.send(b"DELE 1\r\nQUI")
        client.writer.write_eof()
        assert await client.reader.read() == b"+OK Message 1 deleted\r\n"

    serve(store, body)
    assert len(inbox_ids(store)) == 1


def test_many_messages_are_removed_by_one_quit(store: Store) -> None:
    count = 2 * removal._STEP + 1
    deliver_to(store, "alice", *(message(n % 7) for n in range(count + 1)))

    async def body(server: Running) -> None:
        client = await server.connect()
        client.send(b"".join(b"DELE %d\r\n" % n for n in range(1, count + 1)))
        for n in range(1, count + 1):
            assert await client.hear() == f"+OK Message {n} deleted"
        left = (await client.ok(f"UIDL {count + 1}")).split()[1]
        await client.ok("QUIT")
        assert inbox_ids(store) == [left]

    serve(store, body)


def test_a_message_that_is_elsewhere_too_leaves_the_inbox_only(store: Store) -> None:
    deliver_to(store, "alice", message(1))
    [id] = inbox_ids(store)

    def file(tx: Transaction) -> None:
        email, archive = tx.get(EMAIL, "alice", id), id_of_role(tx, "alice", "archive")
        assert email is not None
        assert archive is not None
        boxes = {**email.mailbox_ids, archive: True}
        tx.write(EMAIL, "alice", email, msgspec.structs.replace(email, mailbox_ids=boxes))

    store.write(file)

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("DELE 1")
        await client.ok("QUIT")

    serve(store, body)
    assert inbox_ids(store) == []
    email = store.read(lambda view: view.get(EMAIL, "alice", id))
    assert email is not None
    assert len(email.mailbox_ids) == 1


def test_what_others_do_meanwhile_changes_no_numbers(store: Store) -> None:
    deliver_to(store, "alice", message(1), message(2), message(3))

    async def body(server: Running) -> None:
        client = await server.connect()
        names = await client.lines("UIDL")
        inbox = await server.bridge.read(lambda view: id_of_role(view, "alice", "inbox"))
        assert inbox is not None
        ids = inbox_ids(store)[:2]
        await server.bridge.write(functools.partial(remove, account="alice", mailbox=inbox, ids=ids))
        deliver_to(store, "alice", message(4))
        assert await client.ok("STAT") == "3 378"
        assert await client.lines("UIDL") == names
        assert await client.say("RETR 1") == "-ERR Somebody else has removed this message"
        await client.ok("RETR 3")
        assert b"number 3" in await client.content()
        # Deleting what is gone is no mistake.
        await client.ok("DELE 2")
        await client.ok("DELE 3")
        assert await client.say("QUIT") == "+OK Goodbye"
        again = await server.connect()
        assert await again.ok("STAT") == "1 126"

    serve(store, body)


def test_what_imap_marks_as_deleted_is_not_in_the_maildrop(store: Store) -> None:
    deliver_to(store, "alice", message(1), message(2))
    first, second = inbox_ids(store)

    async def body(server: Running) -> None:
        inbox = await server.bridge.read(lambda view: id_of_role(view, "alice", "inbox"))
        assert inbox is not None

        async def mark(id: str) -> None:
            await server.bridge.write(lambda tx: set_deleted(tx, "alice", inbox, [id], on=True))

        await mark(first)
        client = await server.connect()
        assert await client.lines("UIDL") == [f"1 {second}"]
        await mark(second)
        assert await client.say("RETR 1") == "-ERR Somebody else has removed this message"
        await client.ok("DELE 1")
        await client.ok("QUIT")
        assert [row.item for row in store.read(lambda view: view.memberships("alice", inbox))] == [first]

    serve(store, body)


def test_a_unique_id_stays_when_a_message_leaves_the_inbox_and_comes_back(store: Store) -> None:
    deliver_to(store, "alice", message(1), message(2))
    first, second = inbox_ids(store)

    def move(tx: Transaction, role: str) -> None:
        email, box = tx.get(EMAIL, "alice", first), id_of_role(tx, "alice", role)
        assert email is not None
        assert box is not None
        tx.write(EMAIL, "alice", email, msgspec.structs.replace(email, mailbox_ids={box: True}))

    async def body(server: Running) -> None:
        client = await server.connect()
        assert await client.lines("UIDL") == [f"1 {first}", f"2 {second}"]
        await client.ok("QUIT")
        for role in ("archive", "inbox"):
            store.write(functools.partial(move, role=role))
        client = await server.connect()
        assert await client.lines("UIDL") == [f"1 {second}", f"2 {first}"]
        # RFC 1939 §7: 1 to 70 characters from 0x21 to 0x7E
        assert all(1 <= len(id) <= 70 and id.isascii() and id.isalnum() for id in (first, second))

    serve(store, body)


def test_fetching_a_message_does_not_make_it_seen(store: Store) -> None:
    deliver_to(store, "alice", message(1))
    before = keywords_of(store)

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("RETR 1")
        await client.content()
        await client.ok("QUIT")

    serve(store, body)
    assert keywords_of(store) == before
    assert "$seen" not in before[0]


def test_a_listing_of_many_messages_is_complete(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.servers.pop3.reading._LINES", 3)
    monkeypatch.setattr("pillarbox.servers.pop3.maildrop._PAGE", 2)
    deliver_to(store, "alice", *(message(n) for n in range(8)))

    async def body(server: Running) -> None:
        client = await server.connect()
        assert await client.lines("LIST") == [f"{n} 126" for n in range(1, 9)]
        await client.ok("DELE 3")
        assert await client.lines("UIDL") == [f"{n} {id}" for n, id in enumerate(inbox_ids(store), 1) if n != 3]

    serve(store, body)


def test_the_maildrop_is_exclusive_over_processes_and_free_when_one_dies(store: Store) -> None:
    counts = Counts(2)

    async def main() -> None:
        async with running(store, counts=counts.seat(0)) as one, running(store, counts=counts.seat(1)) as other:
            await one.connect()
            client = await other.connect(None)
            await client.ok("USER alice@example.org")
            assert (await client.say("PASS a long enough secret")).startswith("-ERR [IN-USE]")
            counts.clear(0)
            await client.log_in()

    asyncio.run(main())


def test_a_login_that_no_longer_holds_ends_the_session_and_deletes_nothing(store: Store) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("DELE 1")
        await change(server, "alice", is_enabled=False)
        assert await client.say("QUIT") == "-ERR [AUTH] The login no longer holds"
        assert await client.hear() == ""

    serve(store, body)
    assert len(inbox_ids(store)) == 1


def test_who_may_only_read_by_now_is_told_at_quit_that_nothing_was_removed(store: Store) -> None:
    deliver_to(store, "bob", message(1))

    async def body(server: Running) -> None:
        client = await server.connect(None)
        # bob@example.org NUL alice@example.org NUL a long enough secret
        await client.ok("AUTH PLAIN Ym9iQGV4YW1wbGUub3JnAGFsaWNlQGV4YW1wbGUub3JnAGEgbG9uZyBlbm91Z2ggc2VjcmV0")
        await client.ok("DELE 1")
        await change(server, "bob", delegates={"alice": "read"})
        assert await client.say("QUIT") == "-ERR [SYS/TEMP] Some deleted messages were not removed"
        assert await client.hear() == ""

    serve(store, body)
    assert len(inbox_ids(store, "bob")) == 1


def test_a_store_that_cannot_be_written_is_told_at_quit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        async def write(*_: object, **__: object) -> None:
            raise Fault(Kind.UNAVAILABLE)

        client = await server.connect()
        await client.ok("DELE 1")
        monkeypatch.setattr(server.bridge, "write", write)
        assert await client.say("QUIT") == "-ERR [SYS/TEMP] Some deleted messages were not removed"
        assert await client.hear() == ""
        await alone(server)
        await server.connect()  # the maildrop is free

    serve(store, body)
    assert len(inbox_ids(store)) == 1
