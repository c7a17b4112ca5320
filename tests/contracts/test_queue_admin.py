"""Administrators and the outbound queue, on every engine."""

from __future__ import annotations

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email_submission import EMAIL_SUBMISSION
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.services import queue_admin
from pillarbox.services.queue import PERSONAL, Origin, Outgoing, enqueue
from pillarbox.services.queue_admin import Change, QueuedMessage, Search
from pillarbox.services.route import ROUTING, Routes
from pillarbox.storage import lane, record
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from tests.directory_fixture import SetClock


class Desk:
    """A queue with mail in it, and who looks after it."""

    def __init__(self, store: Store) -> None:
        assert isinstance(store.clock, SetClock)
        self.store, self.clock = store, store.clock
        for account in ("a1", "a2"):
            store.write(lambda tx, a=account: tx.add_account(a))  # type: ignore[misc]

    def put(self, *recipients: str, account: str = "a1", origin: Origin = "submission", item: str = "") -> None:
        out = Outgoing(
            account=account,
            data=b"Subject: x\r\n\r\nhello\r\n",
            mail_from=Address("alice@example.org"),
            recipients=[Address(email) for email in recipients],
            origin=origin,
            item=item,
        )
        self.store.write(lambda tx: enqueue(tx, out))

    def find(self, **search: Any) -> list[QueuedMessage]:
        with self.store.snapshot() as view:
            shown = [queue_admin.show(view, id) for id in queue_admin.find(view, Search(**search))]
        assert None not in shown
        return [message for message in shown if message is not None]

    def names(self, **search: Any) -> list[str]:
        return [message.recipient for message in self.find(**search)]

    def one(self, recipient: str) -> QueuedMessage:
        (found,) = [message for message in self.find() if message.recipient == recipient]
        return found

    def change(self, recipient: str, **change: Any) -> None:
        id = self.one(recipient).id
        self.store.write(lambda tx: queue_admin.change(tx, id, Change(**change)))

    def claim(self) -> Claim | None:
        by = Claimer("one", 60_000)
        return self.store.write(lambda tx: lane.claim(tx.db, PERSONAL, tx.now_ms, by, "l1", lambda _: 20))

    def fault(self, body: Any) -> Kind:
        with pytest.raises(Fault) as raised:
            self.store.write(body)
        return raised.value.kind


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_the_queue_is_shown_in_the_order_in_which_it_is_due(desk: Desk) -> None:
    desk.put("a@one.example", "b@one.example")
    desk.clock.forward(seconds=1)
    desk.put("c@two.example", account="a2", origin="list")
    assert sorted(desk.names()[:2]) == ["a@one.example", "b@one.example"]
    assert desk.names()[2] == "c@two.example"
    shown = desk.one("c@two.example")
    assert (shown.account_id, shown.queue, shown.destination) == ("a2", "bulk", "two.example")
    assert (shown.sender, shown.status, shown.attempts, shown.last_reply) == ("alice@example.org", "due", 0, None)
    assert desk.one("a@one.example").message_id == desk.one("b@one.example").message_id


def test_the_submission_is_named_of_what_is_one(desk: Desk) -> None:
    def submit(tx: Transaction) -> str:
        new = EmailSubmission(id=tx.new_id(EMAIL_SUBMISSION), identity_id="i", email_id="e")
        record.insert(tx.db, EMAIL_SUBMISSION, "a1", new, 1)
        return new.id

    id = desk.store.write(submit)
    desk.put("jmap@one.example", item=id)
    desk.put("smtp@one.example", item="4NQV7KPT")  # what an SMTP session calls it
    desk.put("list@one.example", origin="list")
    assert [desk.one(f"{name}@one.example").submission_id for name in ("jmap", "smtp", "list")] == [id, None, None]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"account_id": "a2"}, ["c@two.example"]),
        ({"queue": "bulk"}, ["c@two.example"]),
        ({"destination": "one.example"}, ["a@one.example", "b@one.example"]),
        ({"recipient": "B@ONE"}, ["b@one.example"]),
        ({"sender": "nobody"}, []),
        ({"accepted_as": "xdef"}, ["c@two.example"]),
        ({"accepted_as": "xde"}, []),
        ({"status": "due"}, ["a@one.example", "b@one.example", "c@two.example"]),
        ({"status": "held"}, []),
    ],
)
def test_the_queue_is_searched(desk: Desk, search: dict[str, str], found: list[str]) -> None:
    desk.put("a@one.example", "b@one.example", item="xabc")
    desk.put("c@two.example", account="a2", origin="list", item="xdef")
    assert sorted(desk.names(**search)) == found


@pytest.mark.parametrize("search", [{"status": "lost"}, {"queue": "fast"}])
def test_what_is_no_status_or_queue_is_told(desk: Desk, search: dict[str, str]) -> None:
    with pytest.raises(Fault) as raised:
        desk.find(**search)
    assert raised.value.kind is Kind.UNSUPPORTED_FILTER


def test_a_long_queue_is_read_whole(desk: Desk) -> None:
    recipients = [f"r{number}@one.example" for number in range(1_203)]
    desk.put(*recipients)
    assert sorted(desk.names()) == sorted(recipients)


def test_what_is_held_is_not_sent_until_it_is_let_go(desk: Desk) -> None:
    desk.put("a@one.example")
    desk.change("a@one.example", is_held=True)
    assert (desk.one("a@one.example").status, desk.one("a@one.example").due_at) == ("held", None)
    desk.clock.forward(seconds=10 * 86_400)
    assert desk.claim() is None
    desk.change("a@one.example", is_held=False)
    assert desk.one("a@one.example").status == "due"
    assert desk.claim() is not None


def test_what_is_held_is_not_tried(desk: Desk) -> None:
    desk.put("a@one.example")
    desk.change("a@one.example", is_held=True)
    id = desk.one("a@one.example").id
    refused = desk.fault(lambda tx: queue_admin.change(tx, id, Change(is_due=True)))
    assert refused is Kind.INVALID_PROPERTIES


def test_what_waits_is_tried_now_and_its_destination_too(desk: Desk) -> None:
    desk.put("a@one.example")
    claim = desk.claim()
    assert claim is not None

    def later(tx: Any) -> None:
        (entry,) = claim.entries
        tx.postpone_entry(entry, tx.now_ms + 600_000, entry.body)
        lane.block(tx.db, "one.example", tx.now_ms + 600_000, 1, "no answer")
        lane.release(tx.db, claim.lease, tx.now_ms)

    desk.store.write(later)
    shown = desk.one("a@one.example")
    assert (shown.status, shown.blocked_because) == ("waiting", "no answer")
    desk.change("a@one.example", is_due=True)
    shown = desk.one("a@one.example")
    assert (shown.status, shown.blocked_because) == ("due", None)
    assert desk.claim() is not None


def test_what_is_being_sent_is_left_alone(desk: Desk) -> None:
    desk.put("a@one.example")
    assert desk.claim() is not None
    id = desk.one("a@one.example").id
    assert desk.one("a@one.example").status == "sending"
    assert desk.fault(lambda tx: queue_admin.change(tx, id, Change(is_held=True))) is Kind.UNAVAILABLE
    assert desk.fault(lambda tx: queue_admin.drop(tx, id, "mx.example.org", tells_sender=False)) is Kind.UNAVAILABLE
    desk.clock.forward(seconds=61)  # who sent it has been killed
    desk.change("a@one.example", is_held=True)
    assert desk.one("a@one.example").status == "held"


def test_what_is_dropped_is_gone(desk: Desk) -> None:
    desk.put("a@one.example", "b@one.example")
    id = desk.one("a@one.example").id
    desk.store.write(lambda tx: queue_admin.drop(tx, id, "mx.example.org", tells_sender=False))
    assert desk.names() == ["b@one.example"]
    assert desk.fault(lambda tx: queue_admin.drop(tx, id, "mx.example.org", tells_sender=False)) is Kind.NOT_FOUND


def test_mail_is_sent_another_way(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ROUTING, "routes", Routes(("to:other.example smtp://relay.example:2525",)))
    desk.put("a@one.example")
    desk.change("a@one.example", route="smtp:relay.example:2525")
    shown = desk.one("a@one.example")
    assert (shown.route, shown.destination) == ("smtp:relay.example:2525", "smtp:relay.example:2525")
    claim = desk.claim()
    assert claim is not None
    assert claim.entries[0].destination == "smtp:relay.example:2525"
    desk.store.write(lambda tx: lane.release(tx.db, claim.lease, tx.now_ms))
    desk.change("a@one.example", route="")
    assert (desk.one("a@one.example").route, desk.one("a@one.example").destination) == (None, "one.example")
    id = desk.one("a@one.example").id
    refused = desk.fault(lambda tx: queue_admin.change(tx, id, Change(route="smtp:unheard.example:25")))
    assert refused is Kind.INVALID_PROPERTIES


@pytest.mark.parametrize("id", ["", "a1_", "a1_nothing", "_", "x"])
def test_what_is_not_there_is_told(desk: Desk, id: str) -> None:
    assert desk.fault(lambda tx: queue_admin.change(tx, id, Change(is_held=True))) is Kind.NOT_FOUND
    with desk.store.snapshot() as view:
        assert queue_admin.show(view, id) is None
