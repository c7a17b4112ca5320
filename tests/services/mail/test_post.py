"""Mailing lists: who may post, what members get, and that nothing goes in circles."""

from typing import Any

import pytest

from pillarbox.core.faults import Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.services.mail.accept import Outcome
from pillarbox.services.recipient import Refusal
from tests.directory_fixture import Office
from tests.services.mail.test_accept import count, take
from tests.services.mail.test_send_on import queued

POST = (
    b"Return-Path: <alice@example.org>\r\nReceived: from a by b; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    b"DKIM-Signature: v=1; h=from:subject; b=x\r\nFrom: Alice <alice@example.org>\r\nTo: team@example.org\r\n"
    b"Subject: Hi\r\n\r\nHello\r\n"
)


class Team:
    """The list team@example.org of alice, who owns it, bob, and carl elsewhere."""

    def __init__(self, office: Office, **given: Any) -> None:
        self.alice, self.bob = office.account("alice@example.org"), office.account("bob@example.org")
        self.id = office.create(
            "MailingList",
            address="team@example.org",
            name="The Team",
            members=[self.bob],
            memberAddresses=["Carl@far.test"],
            owners=[self.alice],
            **given,
        )["id"]


def message_of(office: Office, account: str) -> bytes:
    def read(view: Any) -> bytes:
        (id,) = view.ids(EMAIL, account, 10)
        found: bytes = view.read_blob(account, view.get(EMAIL, account, id).blob_id)
        return found

    return office.store.read(read)


def refused(outcomes: list[Outcome]) -> Kind | None:
    (outcome,) = outcomes
    return outcome.fault.kind if outcome.fault is not None else None


def test_members_get_the_message_as_the_list_sends_it(office: Office) -> None:
    team = Team(office)
    assert take(office, "team@example.org", data=POST, mail_from="alice@example.org") == [Outcome(is_sent_on=True)]
    assert (count(office, team.alice), count(office, team.bob)) == (0, 1)
    stored = message_of(office, team.bob)
    assert stored.startswith(
        b"Return-Path: <team-bounces@example.org>\r\nDelivered-To: team@example.org\r\n"
        b"List-Id: The Team <team.example.org>\r\nList-Post: <mailto:team@example.org>\r\n"
        b"List-Owner: <mailto:team-owner@example.org>\r\n"
        b"List-Unsubscribe: <mailto:team-owner@example.org?subject=unsubscribe>\r\nPrecedence: list\r\n"
    )
    # What the author wrote and signed is what it was.
    assert stored.endswith(POST.partition(b"\r\n")[2])
    ((job, data),) = queued(office)
    assert (job.mail_from.email, job.rcpt_to.email, job.origin) == (
        "team-bounces@example.org",
        "Carl@far.test",
        "list",
    )
    assert data == stored.partition(b"\r\n")[2]


def test_what_another_list_put_on_the_message_is_replaced(office: Office) -> None:
    team = Team(office)
    data = POST.replace(b"Subject: Hi", b"List-Id: other <other.far.test>\r\nPrecedence:\r\n bulk\r\nSubject: Hi")
    take(office, "team@example.org", data=data, mail_from="alice@example.org")
    stored = message_of(office, team.bob)
    assert stored.lower().count(b"list-id:") == 1
    assert stored.lower().count(b"precedence:") == 1
    assert b"\r\nTo: team@example.org\r\nSubject: Hi\r\n\r\nHello\r\n" in stored


@pytest.mark.parametrize(
    ("posting", "author", "is_taken"),
    [
        ("members", "bob@example.org", True),
        ("members", "bob+x@example.org", True),
        ("members", "alice@example.org", True),
        ("members", "carl@FAR.test", True),
        ("members", "eve@far.test", False),
        ("owners", "alice@example.org", True),
        ("owners", "bob@example.org", False),
        ("owners", "carl@far.test", False),
        ("anyone", "eve@far.test", True),
    ],
)
def test_who_may_post(office: Office, posting: str, author: str, is_taken: bool) -> None:
    team = Team(office, posting=posting)
    data = POST.replace(b"Alice <alice@example.org>", author.encode())
    outcome = refused(take(office, "team@example.org", data=data, mail_from=author))
    assert outcome is (None if is_taken else Kind.FORBIDDEN)
    assert count(office, team.bob) == is_taken
    assert len(queued(office)) == is_taken


def test_a_second_author_or_from_does_not_make_a_member(office: Office) -> None:
    Team(office)
    for header in (b"From: bob@example.org\r\nFrom: eve@far.test", b"From: bob@example.org, eve@far.test"):
        data = POST.replace(b"From: Alice <alice@example.org>", header)
        assert refused(take(office, "team@example.org", data=data, mail_from="eve@far.test")) is Kind.FORBIDDEN


def test_what_was_found_suspicious_is_not_believed_to_be_a_members(office: Office) -> None:
    Team(office)
    outcomes = take(office, "team@example.org", data=POST, mail_from="bob@example.org", is_quarantined=True)
    assert refused(outcomes) is Kind.FORBIDDEN


def test_bounces_and_answers_of_machines_are_not_posted(office: Office) -> None:
    Team(office, posting="anyone")
    assert refused(take(office, "team@example.org", data=POST, mail_from="")) is Kind.FORBIDDEN
    data = POST.replace(b"Subject", b"Auto-Submitted: auto-replied (vacation)\r\nSubject")
    assert refused(take(office, "team@example.org", data=data, mail_from="x@far.test")) is Kind.FORBIDDEN
    assert queued(office) == []


def test_bounces_to_the_list_go_to_its_owners(office: Office) -> None:
    team = Team(office)
    assert take(office, "team-bounces@example.org", data=POST, mail_from="") == [Outcome()]
    assert (count(office, team.alice), count(office, team.bob)) == (1, 0)


def test_a_post_that_comes_back_to_the_list_is_not_posted_again(office: Office) -> None:
    team = Team(office, posting="anyone")
    take(office, "team@example.org", data=POST, mail_from="x@far.test")
    ((_, sent),) = queued(office)
    for again in (sent, sent.replace(b"Delivered-To: team@example.org\r\n", b""), sent.replace(b"List-Id", b"X-Id")):
        data = b"Return-Path: <y@far.test>\r\n" + again
        assert take(office, "team@example.org", data=data, mail_from="y@far.test") == [Outcome(refusal=Refusal.LOOP)]
    assert (count(office, team.bob), len(queued(office))) == (1, 1)


def test_lists_that_are_members_of_each_other_post_once(office: Office) -> None:
    team = Team(office, posting="anyone")
    office.update("MailingList", team.id, {"memberAddresses": ["all@example.org"]})
    office.create(
        "MailingList",
        address="all@example.org",
        members=[team.alice, team.bob],
        memberAddresses=["team@example.org"],
        owners=[team.alice],
    )
    assert take(office, "team@example.org", data=POST, mail_from="x@far.test")[0].is_taken
    assert (count(office, team.alice), count(office, team.bob)) == (1, 1)
    assert b"List-Id: <all.example.org>" in message_of(office, team.alice)


def test_who_is_named_beside_a_list_gets_one_copy(office: Office) -> None:
    team = Team(office)
    outcomes = take(office, "bob@example.org", "team@example.org", data=POST, mail_from="alice@example.org")
    assert [one.is_taken for one in outcomes] == [True, True]
    assert count(office, team.bob) == 1


def test_a_full_member_keeps_the_post_from_nobody(office: Office) -> None:
    team = Team(office)
    office.update("Account", team.bob, {"quotaOctets": 1})
    assert take(office, "team@example.org", data=POST, mail_from="alice@example.org")[0].is_taken
    assert len(queued(office)) == 1
