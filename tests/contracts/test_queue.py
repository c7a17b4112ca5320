"""The outbound queue on every engine: nothing is sent by two, nothing is lost, nothing that waits stands in the way."""

import random
from typing import Any

import pytest

from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.outbox import NEVER
from pillarbox.services.queue import BULK, PASSING, PERSONAL, QUEUES, Origin, Outgoing, enqueue, job_of
from pillarbox.services.relay import Result, Schedule, conclude
from pillarbox.storage import lane
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock

ONE, TWO = Claimer("one", 60_000), Claimer("two", 60_000)
ALICE = Address("alice@example.org")


class Queue:
    """The queue of a store, and what has been claimed of it."""

    def __init__(self, store: Store) -> None:
        assert isinstance(store.clock, SetClock)
        self.store, self.clock = store, store.clock
        self.limit = 20
        self._leases = 0
        for account in ("a1", "a2"):
            store.write(lambda tx, a=account: tx.add_account(a))  # type: ignore[misc]

    def put(self, *recipients: str, account: str = "a1", priority: int = 0, origin: Origin = "submission") -> None:
        out = Outgoing(
            account=account,
            data=b"Subject: x\r\n\r\n" + " ".join(recipients).encode(),
            mail_from=ALICE,
            recipients=[Address(email) for email in recipients],
            priority=priority,
            origin=origin,
        )
        self.store.write(lambda tx: enqueue(tx, out))

    def claim(self, by: Claimer = ONE, queue: str = PERSONAL) -> Claim | None:
        self._leases += 1
        id = f"l{self._leases:06d}"
        return self.store.write(lambda tx: lane.claim(tx.db, queue, tx.now_ms, by, id, lambda _: self.limit))

    def claimed(self, by: Claimer = ONE, queue: str = PERSONAL) -> list[str]:
        """To whom the message goes that is due next."""
        found = self.claim(by, queue)
        return names(found) if found else []

    def finish(self, claim: Claim) -> None:
        def body(tx: Any) -> None:
            for entry in claim.entries:
                tx.finish_entry(entry)
            lane.release(tx.db, claim.lease, tx.now_ms)

        self.store.write(body)

    def postpone(self, claim: Claim, seconds: int) -> None:
        def body(tx: Any) -> None:
            for entry in claim.entries:
                tx.postpone_entry(entry, tx.now_ms + seconds * 1000, entry.body)
            lane.release(tx.db, claim.lease, tx.now_ms)

        self.store.write(body)

    def count(self, table: str) -> int:
        row = self.store.read(lambda view: view.db.row(f"SELECT COUNT(*) FROM {table}"))  # noqa: S608
        return int(str(row and row[0]))


def names(claim: Claim) -> list[str]:
    return [job_of(entry).rcpt_to.email for entry in claim.entries]


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


def test_the_recipients_of_a_message_at_one_place_are_claimed_together(queue: Queue) -> None:
    queue.put("bob@one.test", "carol@two.test", "dave@ONE.test")
    queue.put("erin@one.test")
    found = sorted(queue.claimed() for _ in range(3))
    assert found == [["bob@one.test", "dave@ONE.test"], ["carol@two.test"], ["erin@one.test"]]
    assert queue.claim() is None


def test_one_message_is_stored_once_for_all_and_goes_with_the_last(queue: Queue) -> None:
    queue.put("bob@one.test", "carol@two.test")
    assert (queue.count("blob"), queue.count("outbox")) == (1, 2)
    for pending in (0, 1):
        claim = queue.claim()
        assert claim is not None
        queue.finish(claim)
        row = queue.store.read(lambda view: view.db.row("SELECT pending FROM blob"))
        assert row == (pending,)
    assert (queue.count("outbox"), queue.count("lease")) == (0, 0)


def test_what_is_claimed_is_nobody_elses_until_the_lease_ends(queue: Queue) -> None:
    queue.put("bob@one.test")
    first = queue.claim(ONE)
    assert first is not None
    assert queue.claim(TWO) is None
    queue.clock.forward(seconds=50)
    assert queue.store.write(lambda tx: lane.renew(tx.db, first, tx.now_ms + 60_000))
    queue.clock.forward(seconds=50)
    assert queue.claim(TWO) is None
    queue.clock.forward(seconds=11)
    again = queue.claim(TWO)
    assert again is not None
    assert [e.id for e in again.entries] == [e.id for e in first.entries]


def test_who_was_taken_for_dead_is_told_so_and_takes_nothing_from_the_next(queue: Queue) -> None:
    queue.put("bob@one.test")
    first = queue.claim(ONE)
    queue.clock.forward(seconds=61)
    second = queue.claim(TWO)
    assert first is not None
    assert second is not None
    assert not queue.store.write(lambda tx: lane.renew(tx.db, first, tx.now_ms + 60_000))
    assert not queue.store.read(lambda view: lane.is_held(view.db, first.lease))
    queue.finish(second)
    queue.finish(first)  # it comes too late, and finds nothing
    assert queue.count("outbox") == 0


def test_a_destination_at_its_limit_or_blocked_is_passed_by(queue: Queue) -> None:
    queue.limit = 1
    for n in range(3):
        queue.put(f"u{n}@big.test")
    queue.put("bob@small.test")
    running = queue.claim()
    assert running is not None
    assert queue.claimed() == ["bob@small.test"]
    assert queue.claim() is None
    queue.finish(running)
    assert queue.claimed() == ["u1@big.test"]
    queue.store.write(lambda tx: lane.block(tx.db, "other.test", tx.now_ms + 9_000, 1, "451 later"))
    queue.put("carol@other.test")
    assert queue.claim() is None
    assert queue.store.read(lambda view: lane.failures(view.db, "other.test")) == 1
    queue.clock.forward(seconds=9)
    assert queue.claimed() == ["carol@other.test"]


def test_a_destination_that_works_again_is_used_at_once(queue: Queue) -> None:
    queue.store.write(lambda tx: lane.block(tx.db, "one.test", tx.now_ms + 3_600_000, 4, "421 no"))
    queue.put("bob@one.test")
    assert queue.claim() is None
    queue.store.write(lambda tx: lane.unblock(tx.db, "one.test", tx.now_ms))
    assert queue.claimed() == ["bob@one.test"]


def test_a_place_that_becomes_free_wakes_the_other_virtual_queues(queue: Queue) -> None:
    queue.limit = 1
    queue.put("news@one.test", origin="list")
    queue.put("bob@one.test")
    running = queue.claim(queue=BULK)
    assert running is not None
    assert queue.claim() is None
    queue.finish(running)
    assert queue.claimed() == ["bob@one.test"]


def test_what_has_priority_goes_first_and_what_has_less_goes_beside(queue: Queue) -> None:
    queue.put("normal@one.test")
    queue.clock.forward(seconds=1)
    queue.put("urgent@one.test", priority=4)
    queue.put("slow@one.test", priority=-4)
    assert queue.claimed() == ["urgent@one.test"]
    assert queue.claimed() == ["normal@one.test"]
    assert queue.claim() is None
    assert queue.claimed(queue=BULK) == ["slow@one.test"]


def test_destinations_take_turns(queue: Queue) -> None:
    for n in range(3):
        queue.put(f"u{n}@big.test")
    queue.clock.forward(seconds=1)
    queue.put("bob@small.test")
    queue.clock.forward(seconds=1)
    assert [queue.claimed()[0] for _ in range(4)] == ["u0@big.test", "bob@small.test", "u1@big.test", "u2@big.test"]


def test_what_is_postponed_or_held_waits(queue: Queue) -> None:
    queue.put("bob@one.test")
    claim = queue.claim()
    assert claim is not None
    queue.postpone(claim, 600)
    queue.clock.forward(seconds=599)
    assert queue.claim() is None
    assert queue.store.read(lambda view: lane.next_at(view.db, PERSONAL)) == queue.clock.now_ms() + 1000
    queue.clock.forward(seconds=1)
    claim = queue.claim()
    assert claim is not None
    queue.store.write(lambda tx: tx.postpone_entry(claim.entries[0], NEVER, claim.entries[0].body))
    queue.clock.forward(seconds=10**7)
    assert queue.claim() is None


def test_a_lane_that_was_lost_is_found_again(queue: Queue) -> None:
    """As when somebody left it at the moment in which another writer relied on it."""
    queue.put("bob@one.test")
    queue.store.write(lambda tx: tx.db.run("DELETE FROM lane"))
    assert queue.claim() is None
    queue.store.write(lambda tx: lane.rebuild(tx.db))
    assert queue.claimed() == ["bob@one.test"]
    queue.put("carol@one.test")
    queue.store.write(lambda tx: tx.db.run("UPDATE lane SET next_at = ?", (NEVER,)))
    queue.store.write(lambda tx: lane.rebuild(tx.db))
    assert queue.claimed() == ["carol@one.test"]


def test_lanes_that_are_empty_go_away(queue: Queue) -> None:
    queue.put("bob@one.test")
    claim = queue.claim()
    assert claim is not None
    queue.finish(claim)
    assert queue.count("lane") == 1
    queue.clock.forward(seconds=60)
    assert queue.claim() is None
    assert queue.count("lane") == 0


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_all_is_sent_and_nothing_by_two_at_a_time(queue: Queue, seed: int) -> None:
    """Plays at random: who sends may finish, give up for now, or die and never be heard of again."""
    chance = random.Random(seed)
    queue.limit = chance.choice([1, 2, 20])
    put, live = 0, list[tuple[Claim, int]]()
    sent: set[str] = set()
    for step in range(400):
        act = chance.random() if step < 120 else 0.4 + chance.random() * 0.6
        if act < 0.35:
            domains = chance.choices(["one.test", "two.test", "three.test"], [8, 2, 1], k=chance.randint(1, 4))
            queue.put(
                *[f"u{put + n}@{domain}" for n, domain in enumerate(domains)],
                account=chance.choice(["a1", "a2"]),
                priority=chance.randint(-2, 2),
                origin=chance.choice(["submission", "list", "forward"]),
            )
            put += len(domains)
        elif act < 0.75:
            claim = queue.claim(chance.choice([ONE, TWO]), chance.choice(QUEUES))
            live = [(held, until) for held, until in live if until > queue.clock.now_ms()]
            if claim is not None:
                taken = {entry.id for held, _ in live for entry in held.entries}
                assert not taken & {entry.id for entry in claim.entries}
                assert not sent & set(names(claim))
                live.append((claim, claim.ends_at))
        elif act < 0.93 and live:
            claim, until = live.pop(chance.randrange(len(live)))
            if until > queue.clock.now_ms():
                if chance.random() < 0.7:
                    queue.finish(claim)
                    sent.update(names(claim))
                elif chance.random() < 0.7:
                    queue.postpone(claim, chance.randint(1, 90))
                # or it is killed
        else:
            queue.clock.forward(seconds=chance.choice([1, 5, 61]))
    while len(sent) < put:
        queue.clock.forward(seconds=100)
        claims = [claim for name in QUEUES if (claim := queue.claim(ONE, name)) is not None]
        assert claims or queue.clock.now_ms() < 10**15
        for claim in claims:
            queue.finish(claim)
            assert not sent & set(names(claim))
            sent.update(names(claim))
    assert queue.count("outbox") == queue.count("lease") == 0


@pytest.mark.parametrize("second", ["failed", "later"])
def test_of_two_who_send_the_same_only_the_first_to_end_says_what_became_of_it(queue: Queue, second: str) -> None:
    """The first is slow, so that its lease ends, and another has the message as well."""
    queue.put("bob@one.test", origin="forward")
    slow = queue.claim(ONE, PASSING)
    queue.clock.forward(seconds=61)
    quick = queue.claim(TWO, PASSING)
    assert slow is not None
    assert quick is not None
    schedule = Schedule(delay_notice_hours=0.001)
    told = []
    for claim, outcome in ((slow, "failed"), (quick, second)):
        results = [Result(outcome, "550 5.1.1 nobody", "mx.one.test")]  # type: ignore[arg-type]
        done = queue.store.write(
            lambda tx, claim=claim, results=results: conclude(tx, claim, results, schedule, "mx")  # type: ignore[misc]
        )
        told.append((done.failed, done.later))
    assert told == [(1, 0), (0, 0)]
    assert queue.count("outbox") == 1  # the notification
    assert queue.count("lease") == 0
