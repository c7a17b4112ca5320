"""Receipts: sent once, by those who may, to those who asked; and read."""

from typing import Any

import pytest

from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import capability
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.identity import IDENTITY
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.services.submission import Sender
from pillarbox.storage.step import drive
from tests.directory_fixture import Office, office

__all__ = ["office"]
MESSAGE = (
    b"Return-Path: <alice@example.org>\r\nFrom: alice@example.org\r\nTo: bob@example.org\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"Disposition-Notification-To: Alice <alice@example.org>\r\nOriginal-Recipient: rfc822;bobby@example.org\r\n"
    b"Subject: Plan\r\n\r\nRead me.\r\n"
)
MANUAL = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
AUTOMATIC = {"actionMode": "automatic-action", "sendingMode": "mdn-sent-automatically", "type": "deleted"}
ALL = (capability.MDN, capability.MAIL, capability.SUBMISSION)


class Reader:
    """Bob, who got mail from Alice that asks for a receipt."""

    def __init__(self, office: Office) -> None:
        self.office, self.store = office, office.store
        Sender("mx.example.org").connect_rules()
        self.alice, self.bob = office.account("alice@example.org"), office.account("bob@example.org")

    def receive(self, data: bytes = MESSAGE) -> Email:
        return self.store.write(lambda tx: deliver(tx, self.bob, data))

    def calls(self, name: str, using: tuple[str, ...] = ALL, **arguments: Any) -> list[Any]:
        given = [(name, {"accountId": self.bob, **arguments}, "0")]
        talk = Conversation(METHODS, self.store.limits, self.office.caller(self.bob), Request(list(using), given))
        drive(talk.steps(), self.store.read, self.store.write)
        if isinstance(talk.answers[0][1], Fault):
            raise talk.answers[0][1]
        return [result for _, result, _ in talk.answers]

    def identity(self) -> str:
        return self.store.read(lambda view: view.ids(IDENTITY, self.bob, 1))[0]

    def send(self, email: str, *, mark: bool = True, **given: Any) -> dict[str, Any]:
        """What is told of the receipt; a refusal is raised."""
        mdn = {"forEmailId": email, "disposition": MANUAL, **given}
        update = {email: {"keywords/$mdnsent": True}} if mark else None
        answers = self.calls("MDN/send", identityId=self.identity(), send={"k": mdn}, onSuccessUpdateEmail=update)
        if answers[0]["notSent"]:
            assert len(answers) == 1
            raise answers[0]["notSent"]["k"]
        assert list(answers[1]["updated"]) == [email]
        return dict(answers[0]["sent"]["k"])

    def receipts(self) -> list[bytes]:
        """What Alice got."""

        def read(view: Any) -> list[bytes]:
            return [view.read_blob(self.alice, email.blob_id) for email in view.all(EMAIL, self.alice)]

        return self.store.read(read)


@pytest.fixture
def reader(office: Office) -> Reader:
    return Reader(office)


def refused(kind: Kind, act: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        act()
    assert caught.value.kind is kind
    return caught.value


def test_a_receipt_goes_to_who_asked_and_marks_the_email(reader: Reader) -> None:
    email = reader.receive()
    told = reader.send(email.id, textBody="Read.", reportingUA="test; 1")
    assert told["finalRecipient"] == "rfc822; bob@example.org"
    assert told["originalMessageId"] == "<1@example.org>"
    assert told["originalRecipient"] == "rfc822;bobby@example.org"
    assert "textBody" not in told
    (receipt,) = reader.receipts()
    assert receipt.startswith(b"Return-Path: <>\r\n")
    assert b"Final-Recipient: rfc822; bob@example.org" in receipt
    assert b"Disposition: manual-action/MDN-sent-manually; displayed" in receipt
    after = reader.store.read(lambda view: view.get(EMAIL, reader.bob, email.id))
    assert after is not None
    assert after.keywords["$mdnsent"] is True


def test_a_receipt_is_sent_once(reader: Reader) -> None:
    email = reader.receive()
    reader.send(email.id)
    refused(Kind.MDN_ALREADY_SENT, lambda: reader.send(email.id))
    assert len(reader.receipts()) == 1


def test_the_keyword_has_to_be_set_by_the_same_call(reader: Reader) -> None:
    email = reader.receive()
    refused(Kind.INVALID_PROPERTIES, lambda: reader.send(email.id, mark=False))
    assert reader.receipts() == []


def test_two_receipts_for_one_email_in_one_call_are_one(reader: Reader) -> None:
    email = reader.receive()
    one = {"forEmailId": email.id, "disposition": MANUAL}
    update = {email.id: {"keywords": {"$mdnsent": True}}}
    answers = reader.calls(
        "MDN/send", identityId=reader.identity(), send={"a": one, "b": one}, onSuccessUpdateEmail=update
    )
    assert list(answers[0]["sent"]) == ["a"]
    assert answers[0]["notSent"]["b"].kind is Kind.MDN_ALREADY_SENT


def test_mail_that_asks_for_no_receipt_gets_none(reader: Reader) -> None:
    email = reader.receive(MESSAGE.replace(b"Disposition-Notification-To", b"X-Other"))
    refused(Kind.NOT_FOUND, lambda: reader.send(email.id))
    refused(Kind.NOT_FOUND, lambda: reader.send("nothing"))


def test_another_recipient_has_to_be_allowed(reader: Reader) -> None:
    email = reader.receive()
    refused(Kind.FORBIDDEN_FROM, lambda: reader.send(email.id, finalRecipient="rfc822; alice@example.org"))
    told = reader.send(email.id, finalRecipient="rfc822; bob+news@example.org")
    assert "finalRecipient" not in told


def test_an_automatic_receipt_goes_to_the_return_address_only(reader: Reader) -> None:
    strange = reader.receive(MESSAGE.replace(b"Return-Path: <alice@", b"Return-Path: <list@"))
    refused(Kind.FORBIDDEN, lambda: reader.send(strange.id, disposition=AUTOMATIC))
    reader.send(reader.receive().id, disposition=AUTOMATIC)
    assert len(reader.receipts()) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"disposition": {**MANUAL, "type": "eaten"}},
        {"disposition": None},
        {"originalMessageId": "<x@y>"},
        {"colour": "red"},
        {"subject": 7},
        {"forEmailId": None},
    ],
)
def test_wrong_properties_are_refused(reader: Reader, given: dict[str, Any]) -> None:
    fault = refused(Kind.INVALID_PROPERTIES, lambda: reader.send(reader.receive().id, **given))
    assert fault.facts["properties"] == list(given)


def test_send_needs_mail_and_an_identity(reader: Reader) -> None:
    refused(Kind.UNKNOWN_METHOD, lambda: reader.calls("MDN/send", (capability.MDN,), identityId="i", send={}))
    refused(Kind.INVALID_ARGUMENTS, lambda: reader.calls("MDN/send", identityId="i0", send={}))


def test_parse_reads_what_send_wrote(reader: Reader) -> None:
    reader.send(reader.receive().id, textBody="Read.", includeOriginalMessage=True, extensionFields={"X-Room": "4"})
    (receipt,) = reader.receipts()
    blob, plain = reader.store.write(lambda tx: (tx.put_blob(reader.bob, receipt), tx.put_blob(reader.bob, MESSAGE)))
    (answer,) = reader.calls("MDN/parse", blobIds=[blob, plain, "bnone"])
    parsed = answer["parsed"][blob]
    assert parsed["disposition"] == MANUAL
    assert parsed["finalRecipient"] == "rfc822; bob@example.org"
    assert parsed["originalMessageId"] == "<1@example.org>"
    assert parsed["extensionFields"] == {"X-Room": "4"}
    assert parsed["includeOriginalMessage"] is True
    assert parsed["forEmailId"] is None
    assert answer["notParsable"] == [plain]
    assert answer["notFound"] == ["bnone"]


def submitted(reader: Reader, data: bytes, *recipients: str) -> str:
    """A message of Alice's that is sent to recipients here; the submission's id."""

    def body(tx: Any) -> str:
        new = EmailSubmission(
            id=tx.new_id(EMAIL_SUBMISSION),
            identity_id=tx.ids(IDENTITY, reader.alice, 1)[0],
            email_id=deliver(tx, reader.alice, data, mailbox_role="drafts").id,
            envelope=Envelope(Address("alice@example.org"), [Address(to) for to in recipients]),
            send_at=utc_date(tx.now_ms),
        )
        tx.write(EMAIL_SUBMISSION, reader.alice, None, new)
        return new.id

    return reader.store.write(body)


def sent(reader: Reader, id: str) -> EmailSubmission:
    found = reader.store.read(lambda view: view.get(EMAIL_SUBMISSION, reader.alice, id))
    assert isinstance(found, EmailSubmission)
    return found


def test_the_submission_of_who_asked_for_a_receipt_says_that_the_message_was_displayed(reader: Reader) -> None:
    data = MESSAGE.partition(b"\r\n")[2].replace(b"Original-Recipient: rfc822;bobby@example.org\r\n", b"")
    carol = reader.office.account("carol@example.org")
    id = submitted(reader, data, "bob@example.org", "carol@example.org")
    (email,) = reader.store.read(lambda view: view.all(EMAIL, reader.bob))
    reader.send(email.id)
    now = sent(reader, id)
    status = now.delivery_status or {}
    assert {to: (one.delivered, one.displayed) for to, one in status.items()} == {
        "bob@example.org": ("yes", "yes"),
        "carol@example.org": ("yes", "unknown"),
    }
    (blob,) = now.mdn_blob_ids
    assert reader.store.read(lambda view: view.read_blob(reader.alice, blob)) in reader.receipts()
    assert reader.store.read(lambda view: view.all(EMAIL, carol))  # who has not read it
    assert now.dsn_blob_ids == ()


def test_a_receipt_for_another_message_changes_no_submission(reader: Reader) -> None:
    id = submitted(reader, MESSAGE.partition(b"\r\n")[2].replace(b"<1@", b"<other@"), "carol@example.org")
    reader.send(reader.receive().id)
    assert sent(reader, id).mdn_blob_ids == ()
