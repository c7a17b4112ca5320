"""What comes back about a message that was sent: followed in the transaction of its delivery, on every engine."""

from typing import Any

import pytest

from pillarbox.core.clock import utc_date
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.services.mail.accept import Destination, Incoming, accept
from pillarbox.services.recipient import Recipient
from pillarbox.services.submission import Sender
from pillarbox.services.verify.run import verify
from tests.support.mail_house import House, message
from tests.support.returned_mail import Told, notification, receipt

BOB, CAROL = "bob@two.test", "carol@three.test"
NULL = Address("")


def submit(house: House, *recipients: str, id: str | None = "1", account: str = "a1", **parameters: Any) -> str:
    """Send a message that asks for a receipt; the submission's id."""
    Sender("mx.example.org").connect_rules()
    asks = {"Disposition-Notification-To": "ann@example.org"}
    email = house.add(message(id=id, headers=asks), "drafts" if account == "a1" else "inbox", account=account)

    def body(tx: Any) -> str:
        new = EmailSubmission(
            id=tx.new_id(EMAIL_SUBMISSION),
            identity_id="i1",
            email_id=email,
            envelope=Envelope(Address("ann@example.org", parameters or None), [Address(to) for to in recipients]),
            send_at=utc_date(tx.now_ms),
        )
        tx.write(EMAIL_SUBMISSION, account, None, new)
        return new.id

    house.clock.forward(seconds=1)
    return house.store.write(body)


def incoming(data: bytes, mail_from: Address = NULL, *, account: str = "a1", **more: Any) -> Incoming:
    to = Destination(Address("ann@example.org"), Recipient(accounts=(account,)))
    return Incoming(reading=read_message(data), mail_from=mail_from, recipients=(to,), received_ms=1, **more)


def come(house: House, data: bytes, mail_from: Address = NULL, **more: Any) -> None:
    """Deliver what comes back."""
    found = incoming(data, mail_from, **more)
    assert house.store.write(lambda tx: accept(tx, found))[0].is_taken


def shown(house: House, id: str, account: str = "a1") -> tuple[dict[str, str], dict[str, str], int, int]:
    """(delivered, displayed) by recipient, and how many notifications and receipts there are."""
    found = house.get("EmailSubmission", id, accountId=account)
    assert not {"messageKey", "asksReceipt"} & set(found)
    told = found["deliveryStatus"]
    delivered = {to: one["delivered"] for to, one in told.items()}
    displayed = {to: one["displayed"] for to, one in told.items()}
    return delivered, displayed, len(found["dsnBlobIds"]), len(found["mdnBlobIds"])


def untouched(house: House, id: str) -> bool:
    delivered, displayed, *counts = shown(house, id)
    return set(delivered.values()) == {"queued"} and set(displayed.values()) == {"unknown"} and counts == [0, 0]


def test_a_notification_is_delivered_and_its_submission_says_what_it_tells(house: House) -> None:
    id, other = submit(house, BOB, CAROL), submit(house, BOB, id="2")
    state, emails = house.state("EmailSubmission"), house.state("Email")
    data = notification("1@example.org", Told(BOB, diagnostic="smtp; 552 5.2.2 the mailbox is full"))
    come(house, data)
    assert shown(house, id) == ({BOB: "no", CAROL: "queued"}, {BOB: "unknown", CAROL: "unknown"}, 1, 0)
    (blob,) = house.get("EmailSubmission", id)["dsnBlobIds"]
    assert house.store.read(lambda view: view.read_blob("a1", blob)) == data
    assert house.get("EmailSubmission", id)["deliveryStatus"][BOB]["smtpReply"] == "552 5.2.2 the mailbox is full"
    assert house.call("EmailSubmission/changes", sinceState=state)["updated"] == [id]
    (email,) = house.call("Email/changes", sinceState=emails)["created"]
    assert house.get("Email", email)["blobId"] == blob
    assert untouched(house, other)
    house.destroy("Email", email)
    house.store.write(lambda tx: tx.drop_pending("a1", [blob]))
    assert house.store.read(lambda view: view.read_blob("a1", blob)) == data
    report = verify(house.store)
    assert report.is_sound, report.findings


def test_a_receipt_says_that_the_message_was_displayed(house: House) -> None:
    id = submit(house, BOB, CAROL)
    come(house, receipt("1@example.org", BOB))
    assert shown(house, id) == ({BOB: "queued", CAROL: "queued"}, {BOB: "yes", CAROL: "unknown"}, 0, 1)
    come(house, receipt("1@example.org", CAROL), Address(CAROL))
    assert shown(house, id)[1:] == ({BOB: "yes", CAROL: "yes"}, 0, 2)


def test_what_is_undone_leaves_no_trace(house: House) -> None:
    id = submit(house, BOB)
    before = house.dump()
    found = incoming(notification("1@example.org", Told(BOB)))

    def body(tx: Any) -> None:
        accept(tx, found)
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError):
        house.store.write(body)
    assert house.dump() == before
    assert untouched(house, id)


def test_a_report_is_about_its_own_account_alone(house: House) -> None:
    mine, theirs = submit(house, BOB), submit(house, BOB, account="a2")
    come(house, notification("1@example.org", Told(BOB)), account="a2")
    assert untouched(house, mine)
    assert shown(house, theirs, "a2")[0] == {BOB: "no"}


@pytest.mark.parametrize(
    "data",
    [
        notification("other@example.org", Told(BOB)),
        notification("1@example.org"),  # nothing about anybody
        notification(None, Told(BOB)),
        notification("1@example.org", Told(BOB)).replace(b"multipart/report", b"multipart/mixed"),
        notification("1@example.org", Told(BOB)).replace(b"message/delivery-status", b"text/plain"),
        receipt("other@example.org", BOB),
        receipt(None, BOB),
        receipt("1@example.org", BOB, kind="eaten"),
        receipt("1@example.org", BOB, author="bob@two.test, eve@two.test"),
    ],
)
def test_what_is_not_about_the_message_or_no_report_is_only_delivered(house: House, data: bytes) -> None:
    id = submit(house, BOB)
    come(house, data)
    assert untouched(house, id)


def test_what_nobody_answers_for_is_only_delivered(house: House) -> None:
    id = submit(house, BOB)
    come(house, notification("1@example.org", Told(BOB)), Address(BOB))  # no null reverse-path
    come(house, receipt("1@example.org", BOB), Address("eve@two.test"))  # somebody else's
    for data in (notification("1@example.org", Told(BOB)), receipt("1@example.org", BOB)):
        come(house, data, is_quarantined=True)
    assert untouched(house, id)


def test_what_neither_names_nor_encloses_the_message_is_about_what_it_answers(house: House) -> None:
    id = submit(house, BOB)
    answers = ["In-Reply-To: <1@example.org>"]
    come(house, notification(None, Told(BOB), header=answers))
    come(house, receipt(None, BOB, header=answers))
    assert shown(house, id) == ({BOB: "no"}, {BOB: "yes"}, 1, 1)


def test_of_several_sendings_of_a_message_the_latest_to_that_recipient_is_meant(house: House) -> None:
    first = submit(house, BOB, ENVID="one")
    email = house.get("EmailSubmission", first)["emailId"]
    second = submit(house, BOB, ENVID="two")
    assert email != house.get("EmailSubmission", second)["emailId"]
    come(house, notification("1@example.org", Told(BOB), envelope_id="one"))
    assert shown(house, first)[0] == {BOB: "no"}
    assert untouched(house, second)
    come(house, notification("1@example.org", Told(BOB)))
    assert shown(house, second)[0] == {BOB: "no"}


def test_a_message_that_got_its_id_when_it_left_is_found_by_it(house: House) -> None:
    id = submit(house, BOB, id=None)
    (entry,) = house.store.read(lambda view: view.entries_of("a1", id))
    sent = house.store.read(lambda view: view.read_blob("a1", entry.blob)) or b""
    given = sent.partition(b"Message-ID: <")[2].partition(b">")[0].decode()
    come(house, notification(given, Told(BOB)))
    assert shown(house, id)[0] == {BOB: "no"}


def test_a_submission_that_was_destroyed_is_not_missed(house: House) -> None:
    house.destroy("EmailSubmission", submit(house, BOB))
    state = house.state("EmailSubmission")
    come(house, notification("1@example.org", Told(BOB)))
    assert house.state("EmailSubmission") == state
    report = verify(house.store)
    assert report.is_sound, report.findings
