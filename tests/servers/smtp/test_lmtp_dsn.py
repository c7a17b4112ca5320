"""Notifications over LMTP: the client tells of what failed, this server of what has arrived (RFC 3461, RFC 2033)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.alias import ALIAS, Alias
from pillarbox.storage.store import Store
from tests.servers.smtp.lmtp_server import MESSAGE, Client, Running, mail_of, open_store, serve
from tests.support.queued_mail import queued


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Bob is full; an alias leads elsewhere."""
    store = open_store(tmp_path, bob=1)
    alias = Alias(id="lfar", address="far@example.org", forward_to=["x@far.test"], domain_id="d1")

    def body(tx: Any) -> None:
        tx.write(ALIAS, DIRECTORY, None, alias)

    store.write(body)
    yield store
    store.close()


async def sends(client: Client, *recipients: str, mail: str = "MAIL FROM:<dave@sender.example>") -> list[str]:
    assert (await client.say(mail))[:3] == "250"
    for recipient in recipients:
        assert (await client.say(f"RCPT TO:{recipient}"))[:3] == "250"
    return [reply[:9] for reply in await client.data(MESSAGE, len(recipients))]


def test_who_asked_for_it_hears_of_what_has_arrived_and_of_nothing_else(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        replies = await sends(
            client,
            "<alice@example.org> NOTIFY=SUCCESS ORCPT=rfc822;A@Example.Org",
            "<bob@example.org> NOTIFY=SUCCESS,FAILURE",
            "<carol@example.org> NOTIFY=FAILURE",
            mail="MAIL FROM:<dave@sender.example> ENVID=QQ1",
        )
        assert replies == ["250 2.0.0", "452 4.2.2", "250 2.0.0"]

    serve(store, body)
    ((job, report),) = queued(store)
    assert (job.mail_from.email, job.rcpt_to.email) == ("", "dave@sender.example")
    assert b"Original-Envelope-Id: QQ1" in report
    assert report.count(b"Action:") == 1
    assert b"Action: delivered" in report
    assert b"Original-Recipient: rfc822; A@Example.Org" in report


def test_without_a_wish_nobody_is_told_and_the_null_path_never(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        assert await sends(client, "<alice@example.org>") == ["250 2.0.0"]
        assert await sends(client, "<alice@example.org> NOTIFY=NEVER") == ["250 2.0.0"]
        assert await sends(client, "<alice@example.org> NOTIFY=SUCCESS", mail="MAIL FROM:<>") == ["250 2.0.0"]

    serve(store, body)
    assert queued(store) == []


def test_a_sender_who_is_here_finds_it_in_the_inbox(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        mail = "MAIL FROM:<carol@example.org>"
        assert await sends(client, "<alice@example.org> NOTIFY=SUCCESS", mail=mail) == ["250 2.0.0"]

    serve(store, body)
    assert queued(store) == []
    ((_, report),) = mail_of(store, "carol")
    assert b"Action: delivered" in report


def test_what_is_only_sent_on_takes_the_wish_with_it(store: Store) -> None:
    async def body(server: Running) -> None:
        client = await server.connect()
        mail = "MAIL FROM:<dave@sender.example> RET=HDRS ENVID=QQ1 SMTPUTF8"
        assert await sends(client, "<far@example.org> NOTIFY=SUCCESS", mail=mail) == ["250 2.0.0"]

    serve(store, body)
    ((job, _),) = queued(store)
    assert job.rcpt_to.email == "x@far.test"
    assert job.rcpt_to.parameters == {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;far@example.org"}
    assert job.mail_from.parameters == {"RET": "HDRS", "ENVID": "QQ1", "SMTPUTF8": None}
