"""Recipients whose mail leaves again: what is said at RCPT, and what is queued when the message is acknowledged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.alias import ALIAS, Alias
from pillarbox.datatypes.admin.mailing_list import MAILING_LIST, MailingList
from pillarbox.services import queue_admin
from pillarbox.services.queue import job_of
from pillarbox.services.queue_admin import Search
from pillarbox.storage.store import Store
from tests.servers.smtp.lmtp_server import Running, mail_of, open_store, serve


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Alice, who is full, forwards without a copy; bob forwards with one; an alias and a list lead elsewhere."""
    store = open_store(tmp_path, alice=1, bob=1)

    def body(tx: Any) -> None:
        for name, keeps in (("alice", False), ("bob", True)):
            old = tx.get(ACCOUNT, DIRECTORY, name)
            new = msgspec.structs.replace(old, forward_to=[f"{name}@far.test"], keeps_copy=keeps)
            tx.write(ACCOUNT, DIRECTORY, old, new)
        alias = Alias(id="lfar", address="far@example.org", forward_to=["x@far.test"], domain_id="d1")
        tx.write(ALIAS, DIRECTORY, None, alias)
        one = MailingList(
            id="g1", address="team@example.org", members=["carol"], owners=["carol"], domain_id="d1", posting="anyone"
        )
        tx.write(MAILING_LIST, DIRECTORY, None, one)

    store.write(body)
    yield store
    store.close()


def queued(store: Store) -> dict[str, str]:
    """Reverse-paths by recipient."""
    jobs = [job_of(entry) for entry in store.read(lambda view: view.due_entries("relay", 100))]
    return {job.rcpt_to.email: job.mail_from.email for job in jobs}


def test_who_is_full_but_forwards_takes_mail(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        replies = await client.deliver("alice@example.org", "bob@example.org", "far@example.org", "team@example.org")
        assert [reply[:9] for reply in replies] == ["250 2.0.0"] * 4

    serve(store, body)
    assert set(queued(store)) == {"alice@far.test", "bob@far.test", "x@far.test"}
    assert [len(mail_of(store, name)) for name in ("alice", "bob", "carol")] == [0, 0, 1]


def test_what_is_sent_on_is_found_by_the_id_of_the_reply(store: Store) -> None:
    replies: list[str] = []

    async def body(server: Running) -> None:
        client = await server.connect()
        replies.extend(await client.deliver("alice@example.org", "far@example.org", "team@example.org"))

    def open_list(tx: Any) -> None:
        old = tx.get(MAILING_LIST, DIRECTORY, "g1")
        tx.write(MAILING_LIST, DIRECTORY, old, msgspec.structs.replace(old, member_addresses=["y@far.test"]))

    store.write(open_list)
    serve(store, body)
    (id,) = {reply.split()[2] for reply in replies}
    with store.snapshot() as view:
        shown = [queue_admin.show(view, one) for one in queue_admin.find(view, Search(accepted_as=id))]
    assert {one.recipient for one in shown if one} == {"alice@far.test", "x@far.test", "y@far.test"}
    assert {one.submission_id for one in shown if one} == {None}


def test_a_rewritten_path_takes_bounces_and_nothing_else(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        await client.deliver("far@example.org")
        (path,) = queued(store).values()
        await client.say("MAIL FROM:<spam@bad.test>")
        assert (await client.say(f"RCPT TO:<{path}>"))[:9] == "550 5.1.1"
        await client.say("RSET")
        await client.say("MAIL FROM:<>")
        assert (await client.say(f"RCPT TO:<{path}>"))[:3] == "250"
        forged = path.replace("sender.example", "victim.example")
        assert (await client.say(f"RCPT TO:<{forged}>"))[:9] == "550 5.1.1"

    serve(store, body)


def test_a_message_that_comes_back_is_told_so_and_not_queued(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        again = b"Delivered-To: far@example.org\r\nFrom: a@b.test\r\n\r\nx\r\n"
        assert (await client.deliver("far@example.org", message=again))[0][:9] == "554 5.4.6"

    serve(store, body)
    assert queued(store) == {}
