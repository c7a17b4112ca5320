"""How much an account may send: by JMAP as by SMTP."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from pillarbox.core.faults import Kind
from pillarbox.services.sending_limit import Notices, SendingAllowance, SendingLimits
from pillarbox.services.sending_report import report
from pillarbox.services.submission import Sender
from tests.directory_fixture import Office
from tests.services.test_submission import Post, envelope, refused
from tests.support.log import Lines


@pytest.fixture
def post(office: Office) -> Post:
    return Post(office)


@pytest.fixture
def limits(post: Post) -> Iterator[SendingLimits]:
    """Three messages and nine recipients an hour."""
    found = SendingLimits(SendingAllowance(messages_an_hour=3, recipients_an_hour=9))
    Sender("mx.example.org", found).connect_rules()
    yield found
    post.sender.connect_rules()


@pytest.mark.usefixtures("limits")
def test_an_account_sends_no_more_than_it_may_and_the_log_says_so(post: Post) -> None:
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
    one = envelope("alice@example.org", "bob@example.org")
    post.submit("alice", email, envelope=one)
    fault = refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    assert "limit of 3 messages an hour" in fault.detail
    post.clock.forward(seconds=3601)
    post.submit("alice", email, envelope=one)


@pytest.mark.usefixtures("limits")
def test_what_was_not_sent_does_not_count(post: Post) -> None:
    email = post.draft("alice")
    forged = envelope("bob@example.org", "carol@example.org")
    for _ in range(4):
        refused(Kind.FORBIDDEN_MAIL_FROM, lambda: post.submit("alice", email, envelope=forged))
    post.submit("alice", email)


def queued(post: Post) -> list[tuple[int, str]]:
    """In how many seconds what waits leaves, and what administrators are told."""
    rows: list[Any] = post.office.store.read(
        lambda view: view.db.rows("SELECT due_at, body FROM outbox ORDER BY due_at")
    )
    now = post.clock.now_ms()
    return [((at - now) // 1000, msgspec.json.decode(body).get("reply", "")) for at, body in rows]


def test_near_the_limit_mail_to_other_servers_leaves_at_the_speed_that_is_allowed(post: Post) -> None:
    Sender("mx.example.org", SendingLimits(SendingAllowance(messages_an_hour=10, messages_a_day=1000))).connect_rules()
    email = post.draft("alice")
    one = envelope("alice@example.org", "bob@example.org", "dora@elsewhere.example")
    with Lines() as lines:
        for _ in range(10):
            post.submit("alice", email, envelope=one)
    assert len(post.inbox("bob")) == 10
    times = [seconds for seconds, _ in queued(post)]
    assert times == [0] * 8 + [360, 720]
    assert "leaves slowly" in queued(post)[-1][1]
    assert [line["used"] for line in lines.of("submission.slowed")] == [8, 9]
    refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    post.sender.connect_rules()


def test_mail_that_was_held_leaves_no_sooner_for_it(post: Post) -> None:
    Sender("mx.example.org", SendingLimits(SendingAllowance(messages_an_hour=10, messages_a_day=1000))).connect_rules()
    email = post.draft("alice")
    one = envelope("alice@example.org", "bob@example.org", "dora@elsewhere.example")
    held = {**one, "mailFrom": {**one["mailFrom"], "parameters": {"HOLDFOR": "60"}}}
    for _ in range(8):
        post.submit("alice", email, envelope=one)
    for _ in range(2):
        post.submit("alice", email, envelope=held)
    assert len(post.inbox("bob")) == 8
    post.clock.forward(seconds=60)
    assert post.office.store.write(post.sender.send_due) == 2
    assert len(post.inbox("bob")) == 10
    assert [seconds for seconds, _ in queued(post)] == [-60] * 8 + [300, 660]
    assert "leaves slowly" in queued(post)[-1][1]
    post.sender.connect_rules()


def test_an_account_that_sends_without_limits_is_not_counted(post: Post) -> None:
    Sender("mx.example.org", SendingLimits(SendingAllowance())).connect_rules()
    post.submit("alice", post.draft("alice"))
    assert post.office.call("SendingUse/get", ids=None)["list"] == []
    post.sender.connect_rules()


def test_a_clock_that_was_set_back_locks_nobody_out_for_longer(post: Post, limits: SendingLimits) -> None:
    email = post.draft("alice")
    one = envelope("alice@example.org", "bob@example.org")
    post.clock.forward(seconds=400 * 86_400)
    for _ in range(3):
        post.submit("alice", email, envelope=one)
    post.clock.forward(seconds=-400 * 86_400)
    refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    assert limits.notices.take()
    post.clock.forward(seconds=3601)


@pytest.mark.usefixtures("limits")
def test_what_is_counted_is_shown_and_may_be_forgotten(post: Post) -> None:
    email = post.draft("alice")
    for _ in range(2):
        post.submit("alice", email)
    (one,) = post.office.call("SendingUse/get", ids=None)["list"]
    assert (one["id"], one["messagesInHour"], one["recipientsInDay"]) == (post.ids["alice"], 2, 8)
    assert (one["slowedAt"], one["refusedAt"]) == (None, None)
    refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email))
    answer = post.office.call("SendingUse/set", destroy=[post.ids["alice"], "a9"])
    assert answer["destroyed"] == [post.ids["alice"]]
    assert answer["notDestroyed"]["a9"].kind is Kind.NOT_FOUND
    post.submit("alice", email)


def tell(post: Post, limits: SendingLimits) -> list[bytes]:
    """Report what was noticed; the letters to bob, who is the postmaster."""
    found = limits.notices.take()
    post.office.store.write(lambda tx: report(tx, found, "mx.example.org"))
    return [data for data in post.inbox("bob") if b"Subject: alice@example.org sends too much" in data]


def test_the_postmaster_hears_of_it_once_a_day_and_administrators_see_it(post: Post) -> None:
    limits = SendingLimits(SendingAllowance(messages_an_hour=2), Notices())
    Sender("mx.example.org", limits).connect_rules()
    post.office.create("Alias", address="postmaster@example.org", targets=[post.ids["bob"]])
    email = post.draft("alice")
    one = envelope("alice@example.org", "carol@example.org")
    post.submit("alice", email, envelope=one)
    assert tell(post, limits) == []
    post.submit("alice", email, envelope=one)
    (slowed,) = tell(post, limits)
    assert b"is slowed: its limit is 2 messages an hour" in b" ".join(slowed.split())
    assert b"Auto-Submitted: auto-generated" in slowed
    for _ in range(3):
        refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    assert len(tell(post, limits)) == 2
    refused(Kind.RATE_LIMIT, lambda: post.submit("alice", email, envelope=one))
    with Lines() as lines:
        assert len(tell(post, limits)) == 2
        assert lines.of("submission.reported") == []
    (shown,) = post.office.call("SendingUse/get", ids=None)["list"]
    assert (shown["slowedBy"], shown["refusedBy"]) == ("2 messages an hour", "2 messages an hour")
    post.clock.forward(seconds=86_401)
    for _ in range(2):
        post.submit("alice", email, envelope=one)
    assert len(tell(post, limits)) == 3
    post.sender.connect_rules()


def test_without_a_postmaster_the_administrators_hear_of_it(post: Post) -> None:
    limits = SendingLimits(SendingAllowance(messages_an_hour=1), Notices())
    Sender("mx.example.org", limits).connect_rules()
    post.submit("alice", post.draft("alice"))
    with Lines() as lines:
        assert tell(post, limits) == []
        assert len(lines.of("submission.unreported")) == 1
    post.office.update("Account", post.ids["bob"], {"isAdmin": True})
    post.clock.forward(seconds=86_401)
    post.submit("alice", post.draft("alice"))
    assert len(tell(post, limits)) == 1
    post.sender.connect_rules()
