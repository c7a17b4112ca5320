"""Mail sent between accounts of one server: envelopes, delivery, bounces, held messages and what follows on success."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes import capability
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.queue import RELAY, job_of
from pillarbox.services.registry import METHODS
from pillarbox.services.submission import Sender
from pillarbox.services.suppression import note_bounce
from pillarbox.storage.step import drive
from tests.directory_fixture import Office

USING = [capability.CORE, capability.MAIL, capability.SUBMISSION]
DRAFT = (
    b"From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>, bob@example.org\r\n"
    b"Cc: Carol <carol@example.org>\r\n"
    b"Bcc: dave@example.org,\r\n erin@elsewhere.test\r\nSubject: Lunch\r\n\r\nAt noon?\r\n"
)


class Post:
    """Accounts that write to each other."""

    def __init__(self, office: Office) -> None:
        self.office, self.store, self.clock = office, office.store, office.clock
        self.sender = Sender("mx.example.org")
        self.sender.connect_rules()
        self.ids = {name: office.account(f"{name}@example.org") for name in ("alice", "bob", "carol", "dave")}

    def calls(self, who: str, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """The answers' arguments in order; a Fault where a method failed."""
        given = [(name, {"accountId": self.ids[who], **arguments}, str(n)) for n, (name, arguments) in enumerate(calls)]
        talk = Conversation(METHODS, self.store.limits, self.office.caller(self.ids[who]), Request(USING, given))
        drive(talk.steps(), self.store.read, self.store.write)
        return [plain(result) for _, result, _ in talk.answers]

    def set(self, who: str, **arguments: Any) -> list[Any]:
        return self.calls(who, ("EmailSubmission/set", arguments))

    def draft(self, who: str, data: bytes = DRAFT) -> Email:
        return self.store.write(
            lambda tx: deliver(tx, self.ids[who], data, mailbox_role="drafts", keywords=("$draft", "$seen"))
        )

    def identity(self, who: str) -> str:
        return str(self.calls(who, ("Identity/get", {"ids": None}))[0]["list"][0]["id"])

    def submit(self, who: str, email: Email, **given: Any) -> dict[str, Any]:
        """The submission as it is stored; a refusal is raised."""
        create = {"identityId": self.identity(who), "emailId": email.id, **given}
        answer = self.set(who, create={"s": create})[0]
        if answer["notCreated"]:
            raise answer["notCreated"]["s"]
        return self.submission(who, answer["created"]["s"]["id"])

    def submission(self, who: str, id: str) -> dict[str, Any]:
        (found,) = self.calls(who, ("EmailSubmission/get", {"ids": [id]}))[0]["list"]
        return dict(found)

    def inbox(self, who: str) -> list[bytes]:
        """The messages in the inbox, as octets."""

        def read(view: Any) -> list[bytes]:
            account = self.ids[who]
            box = id_of_role(view, account, "inbox")
            emails = view.get_many(EMAIL, account, view.member_ids(EMAIL, account, box))
            return [view.read_blob(account, email.blob_id) for email in emails.values()]

        return self.store.read(read)

    def release(self) -> int:
        return self.store.write(self.sender.send_due)


def plain(value: Any) -> Any:
    """JSON as a client reads it, with refusals left as they are."""
    if isinstance(value, Fault):
        return value
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.fixture
def post(office: Office) -> Post:
    return Post(office)


def refused(kind: Kind, act: Callable[[], object]) -> Fault:
    with pytest.raises(Fault) as caught:
        act()
    assert caught.value.kind is kind
    return caught.value


def envelope(mail_from: str, *to: str, **parameters: str | None) -> dict[str, Any]:
    return {
        "mailFrom": {"email": mail_from, "parameters": parameters or None},
        "rcptTo": [{"email": address, "parameters": None} for address in to],
    }


def test_sending_delivers_to_accounts_of_this_server_at_once(post: Post) -> None:
    sent = post.submit("alice", post.draft("alice"))
    assert sent["undoStatus"] == "final"
    assert {to: status["delivered"] for to, status in sent["deliveryStatus"].items()} == {
        "bob@example.org": "yes",
        "carol@example.org": "yes",
        "dave@example.org": "yes",
        "erin@elsewhere.test": "queued",
    }
    for who in ("bob", "carol", "dave"):
        (message,) = post.inbox(who)
        assert message.startswith(b"Return-Path: <alice@example.org>\r\n")
        assert message.endswith(b"\r\n\r\nAt noon?\r\n")


def test_bcc_does_not_leave_but_stays_in_the_stored_message(post: Post) -> None:
    email = post.draft("alice")
    post.submit("alice", email)
    for who in ("bob", "dave"):
        (message,) = post.inbox(who)
        assert b"\r\nbcc:" not in message.lower()  # "bcc" alone may stand in a random Message-ID
        assert b"erin" not in message
    stored = post.store.read(lambda view: view.read_blob(post.ids["alice"], email.blob_id))
    assert stored == DRAFT


def test_a_message_without_date_and_id_gets_them_on_its_way(post: Post) -> None:
    post.submit("alice", post.draft("alice"))
    (message,) = post.inbox("bob")
    assert b"\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n" in message
    assert b"@mx.example.org>\r\n" in message.partition(b"Message-ID: <")[2]


def test_the_envelope_is_made_of_the_header_without_repetition(post: Post) -> None:
    sent = post.submit("alice", post.draft("alice"))
    assert sent["envelope"] == {
        "mailFrom": {"email": "alice@example.org", "parameters": None},
        "rcptTo": [
            {"email": address, "parameters": None}
            for address in ("bob@example.org", "carol@example.org", "dave@example.org", "erin@elsewhere.test")
        ],
    }
    assert sent["sendAt"] == "2023-11-14T22:13:20Z"


def test_a_sender_that_is_not_allowed_is_replaced_by_the_identity(post: Post) -> None:
    data = DRAFT.replace(b"To: Bob", b"Sender: bob@example.org\r\nTo: Bob")
    assert post.submit("alice", post.draft("alice", data))["envelope"]["mailFrom"]["email"] == "alice@example.org"


def test_sending_to_oneself_works(post: Post) -> None:
    sent = post.submit("alice", post.draft("alice"), envelope=envelope("alice@example.org", "alice@example.org"))
    assert sent["deliveryStatus"]["alice@example.org"]["delivered"] == "yes"
    assert len(post.inbox("alice")) == 1


def test_an_account_that_two_recipients_lead_to_gets_one_copy(post: Post) -> None:
    sent = post.submit(
        "alice", post.draft("alice"), envelope=envelope("alice@example.org", "bob@example.org", "bob+tag@example.org")
    )
    assert [status["delivered"] for status in sent["deliveryStatus"].values()] == ["yes", "yes"]
    assert len(post.inbox("bob")) == 1


def test_an_unknown_recipient_is_told_to_the_sender(post: Post) -> None:
    sent = post.submit(
        "alice", post.draft("alice"), envelope=envelope("alice@example.org", "bob@example.org", "nobody@example.org")
    )
    status = sent["deliveryStatus"]["nobody@example.org"]
    assert (status["delivered"], status["smtpReply"][:9]) == ("no", "550 5.1.1")
    (notification,) = post.inbox("alice")
    assert b"multipart/report" in notification
    assert b"Final-Recipient: rfc822; nobody@example.org" in notification
    assert b"bob@example.org\r\nAction" not in notification
    assert sent["dsnBlobIds"]
    blob = sent["dsnBlobIds"][0]
    assert post.store.read(lambda view: view.read_blob(post.ids["alice"], blob)) == notification


def test_a_full_mailbox_is_told_and_does_not_stop_the_others(post: Post) -> None:
    post.office.update("Account", post.ids["bob"], {"quotaOctets": 1})
    sent = post.submit(
        "alice", post.draft("alice"), envelope=envelope("alice@example.org", "bob@example.org", "carol@example.org")
    )
    assert sent["deliveryStatus"]["bob@example.org"]["smtpReply"].startswith("552 5.2.2 ")
    assert len(post.inbox("carol")) == 1
    assert post.inbox("bob") == []
    assert len(post.inbox("alice")) == 1


@pytest.mark.parametrize(("notify", "reports"), [("NEVER", 0), ("SUCCESS", 0), ("FAILURE", 1), ("success,failure", 1)])
def test_notify_decides_whether_a_failure_is_told(post: Post, notify: str, reports: int) -> None:
    wanted = envelope("alice@example.org", "nobody@example.org")
    wanted["rcptTo"][0]["parameters"] = {"NOTIFY": notify}
    post.submit("alice", post.draft("alice"), envelope=wanted)
    assert len(post.inbox("alice")) == reports


def test_success_is_told_when_it_was_asked_for(post: Post) -> None:
    wanted = envelope("alice@example.org", "bob@example.org", ENVID="trip-7")
    wanted["rcptTo"][0]["parameters"] = {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;bobby@example.org"}
    post.submit("alice", post.draft("alice"), envelope=wanted)
    (notification,) = post.inbox("alice")
    assert b"Action: delivered" in notification
    assert b"Original-Envelope-Id: trip-7" in notification
    assert b"Original-Recipient: rfc822; bobby@example.org" in notification


def test_no_notification_is_sent_to_the_null_reverse_path(post: Post) -> None:
    sent = post.submit("alice", post.draft("alice"), envelope=envelope("", "nobody@example.org"))
    assert sent["deliveryStatus"]["nobody@example.org"]["delivered"] == "no"
    assert post.inbox("alice") == []


def test_mail_for_elsewhere_waits_in_the_outbox_with_its_message(post: Post) -> None:
    email = post.draft("alice")
    sent = post.submit("alice", email, envelope=envelope("alice@example.org", "erin@elsewhere.test"))
    assert sent["deliveryStatus"]["erin@elsewhere.test"] == {
        "smtpReply": "250 2.0.0 queued",
        "delivered": "queued",
        "displayed": "unknown",
    }
    (entry,) = post.store.read(lambda view: view.entries_of(post.ids["alice"], sent["id"]))
    assert entry.kind == RELAY
    assert msgspec.json.decode(entry.body)["rcptTo"]["email"] == "erin@elsewhere.test"
    message = post.store.read(lambda view: view.read_blob(post.ids["alice"], entry.blob))
    assert message is not None
    assert b"Bcc" not in message


def test_what_must_go_by_tls_and_its_priority_are_known_to_the_queue(post: Post) -> None:
    wanted = envelope("alice@example.org", "erin@elsewhere.test")
    wanted["mailFrom"]["parameters"] = {"RequireTLS": None, "MT-PRIORITY": "-4"}
    sent = post.submit("alice", post.draft("alice"), envelope=wanted)
    (entry,) = post.store.read(lambda view: view.entries_of(post.ids["alice"], sent["id"]))
    job = job_of(entry)
    assert (job.require_tls, job.priority) == (True, -4)


@pytest.mark.parametrize("value", ["10", "--1", "", "-0", None])
def test_a_priority_is_a_number_from_minus_9_to_9(post: Post, value: str | None) -> None:
    wanted = envelope("alice@example.org", "erin@elsewhere.test")
    wanted["mailFrom"]["parameters"] = {"MT-PRIORITY": value}
    with pytest.raises(Fault):
        post.submit("alice", post.draft("alice"), envelope=wanted)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (b"From: bob@example.org\r\nTo: bob@example.org\r\n", Kind.FORBIDDEN_FROM),
        (b"From: alice@example.org, mallory@elsewhere.test\r\nTo: bob@example.org\r\n", Kind.INVALID_MESSAGE),
        (b"From: alice@example.org\r\nFrom: bob@example.org\r\nTo: bob@example.org\r\n", Kind.INVALID_MESSAGE),
        (b"To: bob@example.org\r\n", Kind.INVALID_MESSAGE),
        (b"From: alice@example.org\r\n", Kind.NO_RECIPIENTS),
        (b"From: alice@example.org\r\nTo: nowhere\r\n", Kind.INVALID_RECIPIENTS),
    ],
)
def test_a_message_whose_header_cannot_be_sent_is_refused(post: Post, header: bytes, kind: Kind) -> None:
    refused(kind, lambda: post.submit("alice", post.draft("alice", header + b"Subject: x\r\n\r\nx")))
    assert post.inbox("bob") == []


@pytest.mark.parametrize(
    "extra", [b"From: alice@example.org\r\nFrom: boss@example.org", b"From: a@b.test, alice@example.org"]
)
def test_an_envelope_does_not_hide_a_forged_author(post: Post, extra: bytes) -> None:
    data = extra + b"\r\nTo: bob@example.org\r\n\r\nx"
    given = envelope("alice@example.org", "bob@example.org")
    with pytest.raises(Fault) as caught:
        post.submit("alice", post.draft("alice", data), envelope=given)
    assert caught.value.kind in {Kind.FORBIDDEN_FROM, Kind.INVALID_MESSAGE}


def test_the_envelope_is_checked(post: Post) -> None:
    email = post.draft("alice")

    def give(envelope: Any) -> Callable[[], object]:
        return lambda: post.submit("alice", email, envelope=envelope)

    refused(Kind.FORBIDDEN_MAIL_FROM, give(envelope("bob@example.org", "bob@example.org")))
    refused(Kind.NO_RECIPIENTS, give(envelope("alice@example.org")))
    fault = refused(Kind.INVALID_RECIPIENTS, give(envelope("alice@example.org", "bob@example.org", "no at", "a@b@c d")))
    assert fault.facts["invalid_recipients"] == ["no at", "a@b@c d"]
    refused(
        Kind.INVALID_RECIPIENTS, give(envelope("alice@example.org", "bob@example.org>\r\nRCPT TO:<eve@example.org"))
    )
    for bad in ({"HOLDFOR": "x"}, {"HOLDFOR": "1", "holduntil": "2023-11-15T00:00:00Z"}, {"FOO": None}, {"RET": "ALL"}):
        refused(Kind.INVALID_PROPERTIES, give(envelope("alice@example.org", "bob@example.org", **bad)))
    refused(Kind.INVALID_PROPERTIES, give(envelope("alice@example.org", "bob@example.org", HOLDFOR="999999999")))


def test_too_many_recipients_are_refused_with_the_limit(post: Post) -> None:
    post.store.limits = Limits(max_recipients=2)
    given = envelope("alice@example.org", *(f"u{n}@elsewhere.test" for n in range(3)))
    fault = refused(Kind.TOO_MANY_RECIPIENTS, lambda: post.submit("alice", post.draft("alice"), envelope=given))
    assert fault.facts["max_recipients"] == 2


def test_a_message_too_large_to_send_is_refused_with_the_limit(post: Post) -> None:
    email = post.draft("alice")
    post.store.limits = Limits(max_size_message=100)
    fault = refused(Kind.TOO_LARGE, lambda: post.submit("alice", email))
    assert fault.facts["max_size"] == 100


def test_unknown_identity_and_email_are_both_named(post: Post) -> None:
    answer = post.set("alice", create={"s": {"identityId": "i0", "emailId": "e0"}})[0]
    assert answer["notCreated"]["s"].facts["properties"] == ["identityId", "emailId"]


def held(post: Post, seconds: int = 60) -> dict[str, Any]:
    given = envelope("alice@example.org", "bob@example.org", HOLDFOR=str(seconds))
    return post.submit("alice", post.draft("alice"), envelope=given)


def test_a_held_message_is_sent_when_it_is_due_and_not_before(post: Post) -> None:
    waiting = held(post)
    assert (waiting["undoStatus"], waiting["sendAt"]) == ("pending", "2023-11-14T22:14:20Z")
    post.clock.forward(seconds=59)
    assert post.release() == 0
    assert post.inbox("bob") == []
    post.clock.forward(seconds=1)
    assert post.release() == 1
    assert post.release() == 0
    assert len(post.inbox("bob")) == 1
    assert post.submission("alice", waiting["id"])["undoStatus"] == "final"


def test_hold_until_names_the_time(post: Post) -> None:
    given = envelope("alice@example.org", "bob@example.org", HOLDUNTIL="2023-11-15T01:00:00+01:00")
    assert post.submit("alice", post.draft("alice"), envelope=given)["sendAt"] == "2023-11-15T00:00:00Z"


def test_a_held_message_can_be_canceled_once(post: Post) -> None:
    waiting = held(post)
    answer = post.set("alice", update={waiting["id"]: {"undoStatus": "canceled"}})[0]
    assert answer["updated"] == {waiting["id"]: None}
    post.clock.forward(seconds=120)
    assert post.release() == 0
    assert post.inbox("bob") == []
    again = post.set("alice", update={waiting["id"]: {"undoStatus": "pending"}})[0]
    assert again["notUpdated"][waiting["id"]].kind is Kind.INVALID_PROPERTIES


def test_what_was_sent_cannot_be_canceled(post: Post) -> None:
    sent = post.submit("alice", post.draft("alice"))
    answer = post.set("alice", update={sent["id"]: {"undoStatus": "canceled"}})[0]
    assert answer["notUpdated"][sent["id"]].kind is Kind.CANNOT_UNSEND


def test_destroying_submission_and_email_does_not_stop_a_held_message(post: Post) -> None:
    waiting = held(post)
    answers = post.calls(
        "alice", ("EmailSubmission/set", {"destroy": [waiting["id"]]}), ("Email/set", {"destroy": [waiting["emailId"]]})
    )
    assert [answer["destroyed"] for answer in answers] == [[waiting["id"]], [waiting["emailId"]]]
    post.clock.forward(seconds=61 + post.store.limits.upload_seconds)
    assert post.store.read(lambda view: view.expired_blobs(post.clock.now, 100)) == []
    assert post.release() == 1
    assert len(post.inbox("bob")) == 1


def test_destroying_alone_may_destroy_the_email_too(post: Post) -> None:
    waiting = held(post)
    answers = post.set("alice", destroy=[waiting["id"]], onSuccessDestroyEmail=[waiting["id"]])
    assert [answer["destroyed"] for answer in answers] == [[waiting["id"]], [waiting["emailId"]]]


def test_held_messages_survive_a_restart(post: Post, tmp_path: Path) -> None:
    from pillarbox.storage.embedded import EmbeddedStore  # noqa: PLC0415

    held(post)
    post.clock.forward(seconds=61)
    again = EmbeddedStore(tmp_path / "data", clock=post.clock)
    assert again.write(post.sender.send_due) == 1
    again.close()
    assert len(post.inbox("bob")) == 1


def test_a_held_message_that_fails_is_tried_again_later(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = held(post)
    post.clock.forward(seconds=61)
    with monkeypatch.context() as patch:
        patch.setattr("pillarbox.services.submission.outgoing", lambda *_: 1 / 0)
        assert post.release() == 1
    assert post.submission("alice", waiting["id"])["undoStatus"] == "pending"
    assert post.release() == 0
    post.clock.forward(seconds=301)
    assert post.release() == 1
    assert len(post.inbox("bob")) == 1


def test_success_updates_and_destroys_the_email_in_one_call_after(post: Post) -> None:
    one, two = post.draft("alice"), post.draft("alice")
    sent = post.store.read(lambda view: id_of_role(view, post.ids["alice"], "sent"))
    identity = post.identity("alice")
    answers = post.set(
        "alice",
        create={
            "a": {"identityId": identity, "emailId": one.id},
            "b": {"identityId": identity, "emailId": two.id},
            "c": {"identityId": identity, "emailId": "nothing"},
        },
        onSuccessUpdateEmail={
            "#a": {"mailboxIds": {sent: True}, "keywords/$draft": None},
            "#c": {"keywords/$draft": None},
        },
        onSuccessDestroyEmail=["#b", "#c"],
    )
    assert len(answers) == 2
    assert list(answers[1]["updated"]) == [one.id]
    assert answers[1]["destroyed"] == [two.id]
    after = post.store.read(lambda view: view.get(EMAIL, post.ids["alice"], one.id))
    assert after is not None
    assert (list(after.mailbox_ids), "$draft" in after.keywords) == ([sent], False)


def test_success_of_updates_and_destroys_counts_too(post: Post) -> None:
    first, second = held(post), held(post)
    answers = post.set(
        "alice",
        update={first["id"]: {"undoStatus": "canceled"}},
        destroy=[second["id"]],
        onSuccessUpdateEmail={first["id"]: {"keywords/$flagged": True}},
        onSuccessDestroyEmail=[second["id"]],
    )
    assert list(answers[1]["updated"]) == [first["emailId"]]
    assert answers[1]["destroyed"] == [second["emailId"]]


def test_nothing_follows_when_nothing_succeeded(post: Post) -> None:
    given = {"s": {"identityId": "i0", "emailId": "e0"}}
    assert len(post.set("alice", create=given, onSuccessDestroyEmail=["#s"])) == 1


def test_submissions_are_found_by_email_status_and_time(post: Post) -> None:
    sent, waiting = post.submit("alice", post.draft("alice")), held(post)

    def query(**condition: Any) -> list[str]:
        answer = post.calls(
            "alice", ("EmailSubmission/query", {"filter": condition, "sort": [{"property": "sentAt"}]})
        )[0]
        return list(answer["ids"])

    assert query() == [sent["id"], waiting["id"]]
    assert query(undoStatus="pending") == [waiting["id"]]
    assert query(emailIds=[sent["emailId"]]) == [sent["id"]]
    assert query(threadIds=[waiting["threadId"]], undoStatus="final") in ([], [sent["id"]])
    assert query(before=waiting["sendAt"]) == [sent["id"]]
    assert query(after=waiting["sendAt"]) == [waiting["id"]]
    assert query(identityIds=["none"]) == []


def test_a_refused_date_in_a_filter_is_an_argument_error(post: Post) -> None:
    answer = post.calls("alice", ("EmailSubmission/query", {"filter": {"before": "soon"}}))[0]
    assert isinstance(answer, Fault)
    assert answer.kind is Kind.INVALID_ARGUMENTS


def test_the_only_recipient_may_be_full_and_the_sender_is_told(post: Post) -> None:
    post.office.update("Account", post.ids["bob"], {"quotaOctets": 1})
    sent = post.submit("alice", post.draft("alice"), envelope=envelope("alice@example.org", "bob@example.org"))
    assert sent["deliveryStatus"]["bob@example.org"]["smtpReply"].startswith("552 5.2.2 ")
    assert post.inbox("bob") == []
    assert len(post.inbox("alice")) == 1


def test_mail_for_an_address_that_refused_it_before_fails_at_once_and_is_told(post: Post) -> None:
    erin = "erin@elsewhere.test"
    post.store.write(lambda tx: note_bounce(tx, post.ids["alice"], erin, "550 5.1.1 no such user", 7.0))
    sent = post.submit("alice", post.draft("alice"), envelope=envelope("alice@example.org", erin, "zoe@elsewhere.test"))
    assert sent["deliveryStatus"][erin]["delivered"] == "no"
    assert sent["deliveryStatus"][erin]["smtpReply"].startswith("550 5.1.1 not sent, as the address refused mail")
    assert sent["deliveryStatus"]["zoe@elsewhere.test"]["delivered"] == "queued"
    assert len(sent["dsnBlobIds"]) == 1
    (notice,) = post.inbox("alice")
    assert b"pillarbox suppression remove" in notice
    (entry,) = post.store.read(lambda view: view.entries_of(post.ids["alice"], sent["id"]))
    assert b"zoe@elsewhere.test" in entry.body
