"""The worker that releases held messages: it finds what is due, and says how long it can sleep."""

import asyncio
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.submission import Sender
from pillarbox.workers.outbox import OutboxWorker
from tests.directory_fixture import Office, office

__all__ = ["office"]
DRAFT = b"From: alice@example.org\r\nTo: alice@example.org\r\n\r\nx"


@pytest.fixture
def sender() -> Sender:
    sender = Sender("mx.example.org")
    sender.connect_rules()
    return sender


def hold(office: Office, account: str, send_at: str) -> str:
    def body(tx: Any) -> str:
        email = deliver(tx, account, DRAFT, mailbox_role="drafts")
        to = Address("alice@example.org")
        submission = EmailSubmission(
            id=tx.new_id(EMAIL_SUBMISSION),
            identity_id=tx.ids(IDENTITY, account, 1)[0],
            email_id=email.id,
            envelope=Envelope(to, [to]),
            send_at=send_at,
        )
        tx.write(EMAIL_SUBMISSION, account, None, submission)
        return submission.id

    return office.store.write(body)


def count(office: Office, account: str) -> int:
    return len(office.store.read(lambda view: view.all(EMAIL, account)))


def test_it_sleeps_until_the_next_is_due_and_releases_it_then(office: Office, sender: Sender) -> None:
    alice = office.account("alice@example.org")

    async def run() -> None:
        bridge = bridge_to(office.store)
        worker = OutboxWorker(bridge, sender)
        assert await worker.work() == 60
        id = hold(office, alice, "2023-11-14T22:13:50Z")
        assert await worker.work() == 30
        assert count(office, alice) == 1
        office.clock.forward(seconds=30)
        assert await worker.work() == 60
        assert count(office, alice) == 2
        found = office.store.read(lambda view: view.get(EMAIL_SUBMISSION, alice, id))
        assert found is not None
        assert found.undo_status == "final"
        await bridge.close()

    asyncio.run(run())


def test_it_wakes_when_something_is_submitted(office: Office, sender: Sender) -> None:
    alice = office.account("alice@example.org")

    async def run() -> None:
        bridge = bridge_to(office.store)
        task = asyncio.create_task(OutboxWorker(bridge, sender).run())
        await asyncio.sleep(0)
        assert office.store.listeners
        hold(office, alice, "2023-11-14T22:13:21Z")
        office.clock.forward(seconds=5)
        for _ in range(10_000):
            if count(office, alice) == 2:
                break
            await asyncio.sleep(0)
        assert count(office, alice) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert office.store.listeners == []
        await bridge.close()

    asyncio.run(run())
