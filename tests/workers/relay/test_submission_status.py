"""A submission says what became of its message elsewhere, recipient by recipient (RFC 8621 §7)."""

from typing import Any

from pillarbox.core.clock import utc_date
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.formats.report.dsn import parse_dsn
from pillarbox.services.mail.accept import Destination, Incoming, accept
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.recipient import Recipient
from pillarbox.services.route import Routes
from tests.support.returned_mail import Told, notification
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import ALICE, DATA, Depot


def submit(depot: Depot, *recipients: str) -> str:
    """Submit a message of Alice's; the submission's id."""

    def body(tx: Any) -> str:
        email = deliver(tx, depot.alice, DATA, mailbox_role="drafts")
        new = EmailSubmission(
            id=tx.new_id(EMAIL_SUBMISSION),
            identity_id=tx.ids(IDENTITY, depot.alice, 1)[0],
            email_id=email.id,
            envelope=Envelope(Address(ALICE), [Address(to) for to in recipients]),
            send_at=utc_date(tx.now_ms),
        )
        tx.write(EMAIL_SUBMISSION, depot.alice, None, new)
        return new.id

    return depot.store.write(body)


def status(depot: Depot, id: str) -> tuple[dict[str, tuple[str, str]], list[bytes]]:
    """(reply, delivered) by recipient, and the notifications."""

    def body(view: Any) -> Any:
        found = view.get(EMAIL_SUBMISSION, depot.alice, id)
        told = {to: (one.smtp_reply, one.delivered) for to, one in found.delivery_status.items()}
        return told, [view.read_blob(depot.alice, blob) for blob in found.dsn_blob_ids]

    told, blobs = depot.store.read(body)
    return told, blobs


def test_each_recipient_has_the_reply_of_its_server_and_what_it_means(depot: Depot) -> None:
    id = submit(depot, "bob@two.test", "eve@two.test", "late@two.test")
    says = {"RCPT TO:<eve": b"550 5.1.1 who\r\n", "RCPT TO:<late": b"451 4.2.1 busy\r\n"}

    async def body(depot: Depot) -> None:
        assert {delivered for _, delivered in status(depot, id)[0].values()} == {"queued"}
        async with serving(Sink(says=says)) as sink:
            await depot.send(sink.port)
        told, notices = status(depot, id)
        assert told == {
            "bob@two.test": ("250 2.0.0 taken", "unknown"),  # it was passed on; nobody knows more
            "eve@two.test": ("550 5.1.1 who", "no"),
            "late@two.test": ("451 4.2.1 busy", "queued"),
        }
        (dsn,) = map(parse_dsn, notices)
        assert dsn is not None
        assert [to.final_recipient for to in dsn.recipients] == ["eve@two.test"]
        depot.clock.forward(seconds=3600)
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        assert status(depot, id)[0]["late@two.test"] == ("250 2.0.0 taken", "unknown")

    depot.run(body)


def come_back(depot: Depot, data: bytes) -> None:
    """Have Alice get what another server sends about her mail."""
    to = Destination(Address(ALICE), Recipient(accounts=(depot.alice,)))
    incoming = Incoming(reading=read_message(data), mail_from=Address(""), recipients=(to,), received_ms=1)
    assert depot.store.write(lambda tx: accept(tx, incoming))[0].is_taken


def test_what_bounces_before_it_is_written_down_that_it_has_left_stays_bounced(depot: Depot) -> None:
    id = submit(depot, "bob@two.test", "eve@two.test")
    come_back(depot, notification("m1@example.org", Told("bob@two.test", diagnostic="smtp; 552 5.2.2 full")))

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<eve": b"550 5.1.1 who\r\n"})) as sink:
            await depot.send(sink.port)
        told, notices = status(depot, id)
        assert told == {"bob@two.test": ("552 5.2.2 full", "no"), "eve@two.test": ("550 5.1.1 who", "no")}
        assert len(notices) == 2

    depot.run(body)


def test_a_forged_failure_of_what_is_still_tried_is_corrected(depot: Depot) -> None:
    id = submit(depot, "bob@two.test")
    come_back(depot, notification("m1@example.org", Told("bob@two.test")))

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<bob": b"451 4.2.1 busy\r\n"})) as sink:
            await depot.send(sink.port)
        assert status(depot, id)[0] == {"bob@two.test": ("451 4.2.1 busy", "queued")}

    depot.run(body)


def test_what_fails_after_another_server_took_it_is_told_by_its_notification(depot: Depot) -> None:
    id = submit(depot, "bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        # The server knows whom the message was for, wherever it went from there.
        assert "RCPT TO:<bob@two.test> ORCPT=rfc822;bob@two.test" in sink.commands
        assert status(depot, id)[0]["bob@two.test"][1] == "unknown"
        told = Told("robert@far.test", original="rfc822;bob@two.test")
        come_back(depot, notification("m1@example.org", told))
        assert status(depot, id)[0] == {"bob@two.test": ("550 5.1.1 no such user", "no")}

    depot.run(body)


def test_what_lmtp_has_taken_is_delivered(depot: Depot) -> None:
    async def body(depot: Depot) -> None:
        async with serving(Sink(is_lmtp=True)) as sink:
            depot.options["routes"] = Routes((f"to:two.test lmtp://127.0.0.1:{sink.port}",))
            id = submit(depot, "bob@two.test")
            await depot.send(1)
        assert status(depot, id)[0] == {"bob@two.test": ("250 2.0.0 taken", "yes")}

    depot.run(body)


def test_a_submission_that_was_destroyed_is_sent_all_the_same(depot: Depot) -> None:
    id = submit(depot, "bob@two.test", "eve@two.test")

    def destroy(tx: Any) -> None:
        tx.write(EMAIL_SUBMISSION, depot.alice, tx.get(EMAIL_SUBMISSION, depot.alice, id), None)

    depot.store.write(destroy)

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<eve": b"550 5.1.1 who\r\n"})) as sink:
            await depot.send(sink.port)
        assert len(sink.taken) == 1
        assert len(depot.inbox()) == 1  # the notification

    depot.run(body)
