"""Who is away answers: whom, how often, as whom; and two who are away do not answer each other for ever."""

from typing import Any

import pytest

from pillarbox.datatypes.declare import SINGLETON
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.identity import IDENTITY, Identity
from pillarbox.datatypes.vacation_response import VACATION_RESPONSE, VacationResponse
from pillarbox.services.mail.accept import Outcome
from tests.directory_fixture import Office
from tests.services.mail.test_accept import count, take
from tests.services.mail.test_send_on import queued

DAY = 86_400
DAVE = "dave@sender.example"
LETTER = (
    b"Return-Path: <dave@sender.example>\r\nFrom: dave@sender.example\r\nTo: Alice <alice@example.org>\r\n"
    b"Message-ID: <7@sender.example>\r\nSubject: Lunch\r\n\r\nHello\r\n"
)


def away(office: Office, account: str, **given: Any) -> None:
    def body(tx: Any) -> None:
        old = tx.get(VACATION_RESPONSE, account, SINGLETON)
        new = VacationResponse(id=SINGLETON, **{"is_enabled": True, "text_body": "Away.\n", **given})
        tx.write(VACATION_RESPONSE, account, old, new)

    office.store.write(body)


def alice_is_away(office: Office, **given: Any) -> str:
    alice = office.account("alice@example.org", description="Alice A.")
    away(office, alice, **given)
    return alice


def mail(office: Office, account: str) -> list[bytes]:
    def read(view: Any) -> list[bytes]:
        emails = view.get_many(EMAIL, account, view.ids(EMAIL, account, 100)).values()
        return [view.read_blob(account, email.blob_id) for email in emails]

    return office.store.read(read)


def test_a_letter_is_answered_with_the_null_path_from_the_accounts_address(office: Office) -> None:
    alice = alice_is_away(office)
    assert take(office, "alice@example.org", data=LETTER) == [Outcome()]
    ((job, data),) = queued(office)
    assert (job.mail_from.email, job.rcpt_to.email, job.origin) == ("", DAVE, "vacation")
    assert b'From: "Alice A." <alice@example.org>\r\n' in data
    assert b"Auto-Submitted: auto-replied\r\n" in data
    assert b"In-Reply-To: <7@sender.example>\r\n" in data
    assert b"Return-Path" not in data
    assert count(office, alice) == 1


def test_one_sender_is_answered_once_in_so_many_days(office: Office) -> None:
    alice_is_away(office)
    for sender in (DAVE, "DAVE@sender.example", "other@sender.example"):
        take(office, "alice@example.org", data=LETTER, mail_from=sender)
    assert [job.rcpt_to.email for job, _ in queued(office)] == [DAVE, "other@sender.example"]
    office.clock.forward(seconds=7 * DAY - 1)
    take(office, "alice@example.org", data=LETTER)
    assert len(queued(office)) == 2
    office.clock.forward(seconds=1)
    take(office, "alice@example.org", data=LETTER)
    assert len(queued(office)) == 3


def test_another_answer_is_another_answer(office: Office) -> None:
    alice = alice_is_away(office)
    take(office, "alice@example.org", data=LETTER)
    away(office, alice, text_body="Still away.\n")
    take(office, "alice@example.org", data=LETTER)
    assert len(queued(office)) == 2


def test_an_absence_has_a_beginning_and_an_end(office: Office) -> None:
    alice_is_away(office, from_date="2023-11-15T00:00:00Z", to_date="2023-11-16T00:00:00Z")
    take(office, "alice@example.org", data=LETTER)
    assert queued(office) == []
    office.clock.forward(seconds=2 * 3600)
    take(office, "alice@example.org", data=LETTER)
    assert len(queued(office)) == 1
    office.clock.forward(seconds=8 * DAY)
    take(office, "alice@example.org", data=LETTER)
    assert len(queued(office)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"To: Alice <alice@example.org>\r\n", b"To: undisclosed-recipients:;\r\n"),
        (b"alice@example.org", b"team@elsewhere.test"),
        (b"Subject", b"List-Id: <x.test>\r\nSubject"),
        (b"Subject", b"Precedence: bulk\r\nSubject"),
        (b"Subject", b"Auto-Submitted: auto-generated\r\nSubject"),
    ],
)
def test_what_was_not_written_to_the_account_by_a_person_is_not_answered(
    office: Office, old: bytes, new: bytes
) -> None:
    alice = alice_is_away(office)
    take(office, "alice@example.org", data=LETTER.replace(old, new))
    assert (count(office, alice), queued(office)) == (1, [])


@pytest.mark.parametrize("sender", ["", "noreply@sender.example", "alice@example.org", "info@example.org"])
def test_nobody_and_oneself_are_not_answered(office: Office, sender: str) -> None:
    alice = alice_is_away(office)
    office.create("Alias", address="info@example.org", targets=[alice])
    take(office, "alice@example.org", data=LETTER, mail_from=sender)
    assert (count(office, alice), queued(office)) == (1, [])


@pytest.mark.parametrize("why", ["junk", "forged"])
def test_junk_and_forged_senders_are_not_answered(office: Office, why: str) -> None:
    alice_is_away(office)
    take(office, "alice@example.org", data=LETTER, is_quarantined=why == "junk", is_sender_denied=why == "forged")
    assert queued(office) == []


@pytest.mark.parametrize("address", ["info@example.org", "alice+x@example.org", "Alice@EXAMPLE.org", "alice@mine.test"])
def test_an_alias_a_sub_address_and_an_identity_are_the_accounts_own(office: Office, address: str) -> None:
    alice = alice_is_away(office)
    office.create("Alias", address="info@example.org", targets=[alice])
    office.store.write(
        lambda tx: tx.write(IDENTITY, alice, None, Identity(id="i9", email="alice@mine.test", may_delete=False))
    )
    to = address if address.lower().endswith("example.org") else "alice@example.org"
    take(office, to, data=LETTER.replace(b"alice@example.org", address.encode()))
    ((_, data),) = queued(office)
    from_ = b"alice@mine.test" if address == "alice@mine.test" else b"alice@example.org"
    assert from_ in data.partition(b"\r\nTo:")[0]


def test_mail_of_a_list_is_not_answered_though_a_member_is_named_beside_it(office: Office) -> None:
    alice = alice_is_away(office)
    office.create("MailingList", address="team@example.org", members=[alice], owners=[alice], posting="anyone")
    data = LETTER.replace(b"alice@example.org>", b"alice@example.org>, team@example.org")
    take(office, "team@example.org", data=data)
    assert (count(office, alice), queued(office)) == (1, [])


def test_two_who_are_away_answer_each_other_once(office: Office) -> None:
    alice, bob = alice_is_away(office), office.account("bob@example.org")
    away(office, bob)
    data = LETTER.replace(b"dave@sender.example", b"bob@example.org")
    take(office, "alice@example.org", data=data, mail_from="bob@example.org")
    # Bob has alice's answer, which he does not answer though he is away himself.
    (answer,) = mail(office, bob)
    assert answer.startswith(b"Return-Path: <>\r\n")
    assert b"Auto-Submitted: auto-replied" in answer
    assert (len(mail(office, alice)), queued(office)) == (1, [])


def test_an_answer_that_finds_no_room_does_not_hold_up_the_letter(office: Office) -> None:
    alice = alice_is_away(office)
    office.account("bob@example.org", quotaOctets=1)
    assert take(office, "alice@example.org", data=LETTER, mail_from="bob@example.org") == [Outcome()]
    assert count(office, alice) == 1


def test_an_answer_comes_from_a_forwarding_account_too(office: Office) -> None:
    alice = alice_is_away(office)
    office.update("Account", alice, {"forwardTo": ["a@far.test"]})
    take(office, "alice@example.org", data=LETTER)
    assert sorted(job.origin for job, _ in queued(office)) == ["forward", "vacation"]


def test_what_was_remembered_goes_with_its_time(office: Office) -> None:
    alice_is_away(office)
    take(office, "alice@example.org", data=LETTER)
    assert office.store.write(lambda tx: tx.drop_expired_memos(100)) == 0
    office.clock.forward(seconds=7 * DAY)
    assert office.store.write(lambda tx: tx.drop_expired_memos(100)) == 1
