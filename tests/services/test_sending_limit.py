"""How much an account may send: by JMAP as by SMTP."""

from collections.abc import Iterator

import pytest

from pillarbox.core.faults import Kind
from pillarbox.services.allowance import Allowances
from pillarbox.services.failure_table import FailureTable
from pillarbox.services.sending_limit import SendingAllowance, SendingLimits
from pillarbox.services.submission import Sender
from tests.directory_fixture import Office
from tests.services.test_submission import Post, envelope, refused
from tests.support.log import Lines


@pytest.fixture
def post(office: Office) -> Post:
    return Post(office)


@pytest.fixture
def usage(post: Post) -> Iterator[FailureTable]:
    """What accounts have used up of three messages and nine recipients an hour."""
    table = FailureTable()
    allowance = SendingAllowance(messages_an_hour=3, recipients_an_hour=9)
    Sender("mx.example.org", SendingLimits(Allowances(post.clock, table), allowance)).connect_rules()
    yield table
    post.sender.connect_rules()


def test_an_account_sends_no_more_than_it_may_and_the_log_says_so(post: Post, usage: FailureTable) -> None:
    email, identity = post.draft("alice"), post.identity("alice")  # for four recipients
    create = {str(n): {"identityId": identity, "emailId": email.id} for n in range(3)}
    with Lines() as lines:
        (answer,) = post.set("alice", create=create)
    assert set(answer["created"]) == {"0", "1"}
    fault = answer["notCreated"]["2"]
    assert (fault.kind, "limit of 9 recipients an hour" in fault.detail) == (Kind.RATE_LIMIT, True)
    line = lines.of("submission.too_much")[0]
    assert (line["account"], line["used"], line["most"]) == (post.ids["alice"], 8, 9)
    assert len(post.inbox("bob")) == 2
    # What was sent by SMTP counts as well, and nothing of it in the next hour.
    SendingLimits(Allowances(post.clock, usage), SendingAllowance()).note(post.ids["alice"], 1)
    one = envelope("alice@example.org", "bob@example.org")
    fault = refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    assert "limit of 3 messages an hour" in fault.detail
    post.clock.forward(seconds=3601)
    post.submit("alice", email, envelope=one)


@pytest.mark.usefixtures("usage")
def test_what_was_not_sent_does_not_count(post: Post) -> None:
    email = post.draft("alice")
    forged = envelope("bob@example.org", "carol@example.org")
    for _ in range(4):
        refused(Kind.FORBIDDEN_MAIL_FROM, lambda: post.submit("alice", email, envelope=forged))
    post.submit("alice", email)
