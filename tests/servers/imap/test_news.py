"""What clients hear without asking: in IDLE, by NOTIFY, and of commands that take long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.datatypes.registry import TYPES
from pillarbox.servers.imap import select
from pillarbox.services.mail.flag import remove
from pillarbox.services.mail.mailbox_change import create
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.transaction import Transaction
from pillarbox.workers.watch import Watch
from tests.servers.imap.imap_server import Client, Running, change_account, deliver_to, fill, message, running

Play = Callable[[Running], Awaitable[None]]
INBOX = "mailboxes INBOX"
PAIR = "(MessageNew MessageExpunge)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path)
    fill(store)
    yield store
    store.close()


def play(store: EmbeddedStore, body: Play, **settings: Any) -> None:
    async def run() -> None:
        async with running(store, **settings) as server:
            await body(server)

    asyncio.run(run())


async def idle(client: Client) -> None:
    client.send(b"i IDLE\r\n")
    assert (await client.hear()).startswith("+ ")


# --- IDLE


def test_who_waits_in_idle_or_for_notifications_has_no_task(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        before = len(asyncio.all_tasks())
        clients = [await server.connect(mailbox="INBOX") for _ in range(10)]
        for number, client in enumerate(clients):
            if number % 2:
                await idle(client)
            else:
                await client.ok(f"NOTIFY SET (selected {PAIR})")
        assert len(asyncio.all_tasks()) == before
        await clients[0].append("INBOX", b"x")
        for client in clients[1:]:
            assert await client.hear() == "* 1 EXISTS"
        assert len(asyncio.all_tasks()) == before

    play(store, body)


def test_a_feed_hears_of_nobody_any_more_who_no_longer_waits(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        clients = [await server.connect(mailbox="INBOX") for _ in range(4)]
        await idle(clients[0])
        await idle(clients[1])
        await clients[2].ok(f"NOTIFY SET (personal {PAIR})")
        await clients[3].ok(f"NOTIFY SET (personal {PAIR})")
        assert server.bridge.feed.subscriptions > 0
        clients[0].send(b"DONE\r\n")
        assert (await clients[0].hear()).startswith("i OK")
        clients[1].writer.close()
        await clients[2].ok("UNAUTHENTICATE")
        await clients[3].ok("LOGOUT")
        assert await clients[3].hear() == ""
        await clients[1].writer.wait_closed()
        await clients[0].ok("NOOP")
        assert server.bridge.feed.subscriptions == 0

    play(store, body)


@pytest.mark.parametrize("line", ["done", " DONE ", "DONE"])
def test_done_may_come_with_the_command_and_with_others_behind_it(store: EmbeddedStore, line: str) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        client.send(f"i IDLE\r\n{line}\r\nn NOOP\r\n".encode())
        assert (await client.hear()).startswith("+ ")
        assert (await client.hear()).startswith("i OK")
        assert (await client.hear()).startswith("n OK")

    play(store, body)


def test_another_line_ends_idle_too_and_is_no_command(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        await idle(client)
        client.send(b"n NOOP\r\n")
        assert (await client.hear()) == "i BAD DONE was expected"
        await client.ok("NOOP")

    play(store, body)


def test_what_has_changed_before_idle_is_told_in_it(store: EmbeddedStore) -> None:
    deliver_to(store, "alice", message(1))

    async def body(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
        await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.ok("EXPUNGE")
        await idle(client)
        assert await client.hear() == "* 1 EXPUNGE"

    play(store, body)


def test_idle_without_a_mailbox_waits_for_done(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(), await server.connect()
        await idle(client)
        await other.append("INBOX", b"x")
        client.send(b"DONE\r\n")
        assert (await client.hear()).startswith("i OK")

    play(store, body)


def test_a_server_that_stops_says_goodbye_to_who_idles(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        clients = [await server.connect(mailbox="INBOX") for _ in range(2)]
        await idle(clients[0])
        await clients[1].ok(f"NOTIFY SET (selected {PAIR})")
        await server.listener.stop()
        for client in clients:
            assert (await client.hear()).startswith("* BYE ")
            assert await client.hear() == ""

    play(store, body)


def test_a_login_that_no_longer_holds_is_noticed_without_a_word_about_it(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        await client.ok(f"NOTIFY SET (personal {PAIR})")
        # Another process has changed it, and the feed has not heard: the sweep over all connections asks.
        await asyncio.to_thread(store.write, lambda tx: change_account(tx, "alice", is_enabled=False))
        store.announce({"directory": {"Account": 99}})
        server.listener.look(asyncio.get_running_loop().time())
        assert await client.hear() == "* BYE The login no longer holds"

    play(store, body)


# --- NOTIFY


def test_commands_that_come_while_something_is_told_are_answered_after_it(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(mailbox="INBOX"), await server.connect()
        await client.ok(f"NOTIFY SET (selected {PAIR})")
        other.send(b"a APPEND INBOX {1+}\r\nx\r\n" * 20)
        client.send(b"n NOOP\r\n" * 20)
        heard = [await client.hear() for _ in range(20)]
        while sum(line.startswith("n OK") for line in heard) < 20 or heard.count("* 20 EXISTS") < 1:
            heard.append(await client.hear())
        counts = [int(line.split()[1]) for line in heard if line.endswith("EXISTS")]
        assert counts == sorted(set(counts))

    play(store, body)


def test_what_another_process_has_written_is_told(store: EmbeddedStore, tmp_path: Path) -> None:
    other = EmbeddedStore(tmp_path)

    async def body(server: Running) -> None:
        watch = Watch(server.bridge, TYPES)
        client = await server.connect()
        await client.ok(f"NOTIFY SET ({INBOX} {PAIR}) (personal (MailboxName MailboxMetadataChange))")
        await watch.look()
        await asyncio.to_thread(deliver_to, other, "alice", message(1))
        await watch.look()
        assert (await client.hear()).endswith(" UIDNEXT 2 MESSAGES 1)")
        await asyncio.to_thread(other.write, lambda tx: create(tx, "alice", ("New",)))
        await watch.look()
        assert await client.hear() == '* LIST (\\Subscribed \\HasNoChildren) "/" New'

    play(store, body)
    other.close()


def test_an_account_that_is_opened_to_one_or_closed_is_told_as_mailboxes_made_and_deleted(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok('NOTIFY SET (subtree "Other Users/dave@example.org" (MailboxName MessageNew MessageExpunge))')
        await server.bridge.write(lambda tx: change_account(tx, "dave", delegates={"alice": "read"}))
        heard = [await client.hear() for _ in range(6)]
        assert '* LIST (\\Subscribed \\HasNoChildren) "/" "Other Users/dave@example.org/INBOX"' in heard
        deliver_to(store, "dave", message(1))
        server.bridge.heard({"dave": {"Email": 9, "Mailbox": 9}})
        assert (await client.hear()).startswith('* STATUS "Other Users/dave@example.org/INBOX" (')
        await server.bridge.write(lambda tx: change_account(tx, "dave", delegates={}))
        heard = [await client.hear() for _ in range(6)]
        assert '* LIST (\\NonExistent) "/" "Other Users/dave@example.org/INBOX"' in heard
        await client.ok("NOOP")

    play(store, body)


def test_too_many_changes_end_the_notifications(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(), await server.connect()
        await client.ok(f"NOTIFY SET (personal (MailboxName)) ({INBOX} {PAIR})")

        def several(tx: Transaction) -> None:
            for name in "ABCD":
                create(tx, "alice", (name,))

        await server.bridge.write(several)
        assert (await client.hear()).startswith("* OK [NOTIFICATIONOVERFLOW]")
        await other.append("INBOX", b"x")
        assert await client.ok("NOOP") == []

    play(store, body, max_notices=3)


def test_too_many_mailboxes_are_refused_and_what_was_asked_for_before_holds(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client, other = await server.connect(), await server.connect()
        await client.ok(f"NOTIFY SET ({INBOX} {PAIR})")
        refused = await client.say(f"NOTIFY SET (personal {PAIR})")
        assert refused == ["NO [NOTIFICATIONOVERFLOW] That are too many mailboxes"]
        await other.append("INBOX", b"x")
        assert (await client.hear()).startswith("* STATUS INBOX ")

    play(store, body, max_watched=3)


def test_which_mailboxes_groups_mean(store: EmbeddedStore) -> None:
    wanted = {
        "inboxes": {"INBOX"},
        "personal": {"INBOX", "Sent", "A/B", "Archive"},
        "subscribed": {"INBOX", "Sent", "A/B", '"Other Users/bob@example.org/INBOX"'},
        "subtree A": {"A/B"},
        'mailboxes (Sent A/B "INBO%")': {"Sent", "A/B"},
    }

    async def body(server: Running) -> None:
        other = await server.connect()
        await other.ok("CREATE A/B")
        await other.ok("UNSUBSCRIBE Archive")
        boxes = ["INBOX", "Sent", "A/B", "Archive", '"Other Users/bob@example.org/INBOX"']
        for group, names in wanted.items():
            client = await server.connect()
            await client.ok(f"NOTIFY SET ({group} {PAIR})")
            for box in boxes:
                await other.append(box, b"x")
            heard = {(await client.hear()).removeprefix("* STATUS ").partition(" (")[0] for _ in names}
            assert heard == names
            assert await client.ok("NOOP") == []

    play(store, body)


def test_removals_are_told_as_vanished_once_qresync_is_on(store: EmbeddedStore) -> None:
    deliver_to(store, "alice", message(1), message(2))

    async def body(server: Running) -> None:
        client, other = await server.connect(), await server.connect(mailbox="INBOX")
        await client.ok("ENABLE QRESYNC")
        await client.ok("SELECT INBOX")
        await client.ok("NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge))")
        await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.ok("EXPUNGE")
        assert await client.hear() == "* VANISHED 1"
        await other.append("INBOX", b"x")
        assert [await client.hear() for _ in range(2)] == ["* 2 EXISTS", "* 0 RECENT"]
        assert (await client.hear()).endswith("UID 3)")

    play(store, body)


# --- INPROGRESS, JMAPACCESS


def test_a_command_that_takes_long_says_so(store: EmbeddedStore, tmp_path: Path) -> None:
    deliver_to(store, "alice", message(1), message(2))
    other, begun, go_on = EmbeddedStore(tmp_path), asyncio.Event(), asyncio.Event()

    async def body(server: Running) -> None:
        loop = asyncio.get_running_loop()

        def hold(_tx: Transaction) -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()

        client = await server.connect(mailbox="INBOX")
        holding = loop.run_in_executor(None, other.write, hold)
        await begun.wait()
        client.send(b"c UID STORE 1:2 +FLAGS.SILENT (\\Flagged)\r\n")
        heard = asyncio.ensure_future(client.hear())
        for _ in range(10_000):  # turns of the loop, until the command has begun and the client has heard of it
            server.listener.look(loop.time() + 11)
            await asyncio.sleep(0)
            if heard.done():
                break
        assert await heard == '* OK [INPROGRESS ("c" 0 2)] Still at it'
        go_on.set()
        await holding
        assert (await client.hear_to("c"))[-1].startswith("c OK")

    play(store, body)
    other.close()


def test_where_jmap_is_is_told_when_it_is_known(store: EmbeddedStore) -> None:
    async def known(server: Running) -> None:
        client = await server.connect()
        assert " JMAPACCESS " in f"{(await client.ok('CAPABILITY'))[0]} "
        assert await client.ok("GETJMAPACCESS") == ['* JMAPACCESS "https://mail.example.org/.well-known/jmap"']

    async def unknown(server: Running) -> None:
        client = await server.connect()
        assert "JMAPACCESS" not in (await client.ok("CAPABILITY"))[0]
        assert (await client.say("GETJMAPACCESS"))[0].startswith("BAD ")

    play(store, known, jmap_url="https://mail.example.org/.well-known/jmap")
    play(store, unknown)


# --- while a mailbox is opened


@pytest.mark.parametrize("enable", ["", "QRESYNC", "UIDONLY"])
def test_what_happens_while_a_mailbox_is_opened_is_told_once_it_is_open(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch, enable: str
) -> None:
    deliver_to(store, "alice", message(7), message(8))
    greet = select._greet

    def meddled(*given: Any) -> Iterator[bytes]:
        """Between what SELECT has read and its end, one message comes and another goes."""
        deliver_to(store, "alice", message(9))
        store.write(
            lambda tx: remove(tx, "alice", given[1].place.id, [tx.memberships("alice", given[1].place.id)[0].item])
        )
        return greet(*given)

    async def body(server: Running) -> None:
        client = await server.connect()
        if enable:
            await client.ok(f"ENABLE {enable}")
        monkeypatch.setattr(select, "_greet", meddled)
        heard = await client.ok("SELECT INBOX")
        (exists,) = (line for line in heard if line.endswith(" EXISTS"))
        assert not any("EXPUNGE" in line or "VANISHED" in line for line in heard)
        gone = "* VANISHED 1" if enable else "* 1 EXPUNGE"
        recent = exists.replace("EXISTS", "RECENT")
        assert await client.ok("NOOP") == [gone, exists, recent]  # one less, and one more

    play(store, body)
