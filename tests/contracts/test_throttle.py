"""Throttles of the outbound queue on every engine: kept by all together, over a restart, and in nobody else's way."""

import itertools
import random
from collections.abc import Callable

import msgspec
import pytest

from pillarbox.core.rate import Rate
from pillarbox.datatypes.outbox import NEVER
from pillarbox.services.queue import BULK, PERSONAL, QUEUES, throttling
from pillarbox.services.queue_throttle import THROTTLING, Throttles
from pillarbox.services.route import ROUTING, Routes
from pillarbox.storage import lane, lane_wait, throttle
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.storage.store import Store
from tests.contracts.test_queue import Queue, names
from tests.support.engine import Opener
from tests.support.log import Lines

HOUR = 3600


class Held(Queue):
    """A queue with throttles."""

    def __init__(self, store: Store, *rules: str) -> None:
        super().__init__(store)
        self.claimer = Claimer("one", 60_000)
        self.use(*rules)

    def use(self, *rules: str) -> None:
        """Have other throttles, as after a restart."""
        THROTTLING.throttles = Throttles(rules)
        self.claimer = msgspec.structs.replace(self.claimer, throttling=throttling(THROTTLING.throttles))
        self.store.write(lambda tx: lane_wait.wake_all(tx.db, tx.now_ms))

    def send(self, *, queues: tuple[str, ...] = QUEUES) -> list[str]:
        """Send all that may go now, as the worker does; to whom."""
        out: list[str] = []
        while True:
            self.store.write(lambda tx: throttle.wake(tx.db, QUEUES, tx.now_ms))
            found = [claim for queue in queues if (claim := self.claim(self.claimer, queue)) is not None]
            for claim in found:
                self.finish(claim)
                out += names(claim)
            if not found and not self.is_due():
                return out

    def is_due(self) -> bool:
        at = self.store.read(lambda view: [lane.next_at(view.db, queue) for queue in QUEUES])
        return any(one is not None and one <= self.clock.now_ms() for one in at)

    def wake_at(self) -> int | None:
        """In how many seconds somebody is woken."""
        at = self.store.read(lambda view: throttle.next_at(view.db))
        return None if at is None else (at - self.clock.now_ms()) // 1000


@pytest.fixture
def held(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Held]:
    monkeypatch.setattr(THROTTLING, "throttles", Throttles())
    monkeypatch.setattr(ROUTING, "routes", Routes())
    return lambda *rules: Held(store, *rules)


def test_recipients_count_and_the_rest_of_a_message_goes_later(held: Callable[..., Held]) -> None:
    queue = held("to:big.test 100/hour")
    queue.put(*[f"u{n}@big.test" for n in range(25)])
    assert len(queue.send()) == 10
    assert queue.send() == []
    assert queue.wake_at() == HOUR // 91
    queue.clock.forward(seconds=HOUR / 91 + 1)
    assert len(queue.send()) == 1
    queue.clock.forward(seconds=HOUR)
    assert len(queue.send()) == 10
    queue.clock.forward(seconds=HOUR)
    assert len(queue.send()) == 4
    assert (queue.count("outbox"), queue.wake_at()) == (0, None)


def test_what_waits_for_a_throttle_is_in_nobodys_way(
    held: Callable[..., Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ROUTING, "routes", Routes((), "smtp://relay.test:25"))
    queue = held("to:big.test 1/day")
    for n in range(40):
        queue.put(f"u{n}@big.test")
    queue.put("bob@small.test", "u40@big.test")  # of the same message, by the same server
    assert sorted(queue.send()) == ["bob@small.test", "u0@big.test"]
    assert {str(row[0]) for row in queue.store.read(lambda view: view.db.rows("SELECT destination FROM lane"))} == {
        "smtp:relay.test:25"
    }


def test_the_queue_that_goes_first_has_what_there_is(held: Callable[..., Held]) -> None:
    queue = held("all 1/hour")
    queue.put("first@one.test")
    assert queue.send() == ["first@one.test"]
    for n in range(5):
        queue.put(f"news@d{n}.test", origin="list")
        queue.clock.forward(seconds=1)
        assert queue.send() == []
    queue.put("bob@small.test")
    assert queue.send() == []
    queue.clock.forward(seconds=HOUR)
    assert queue.send() == ["bob@small.test"]
    queue.clock.forward(seconds=HOUR)
    assert queue.send() == ["news@d0.test"]  # who has waited the longest
    queue.clock.forward(seconds=HOUR)
    assert queue.send() == ["news@d1.test"]


def test_each_domain_has_a_count_of_its_own_and_all_rules_hold(held: Callable[..., Held]) -> None:
    queue = held("to:* 1/hour", "all 2/hour")
    for n in range(2):
        queue.put(*[f"u{n}@{domain}.test" for domain in "abc"])
    sent = [queue.send()]
    assert sent == [["u0@a.test"]]  # of two in an hour, one goes at once
    for _ in range(10):
        queue.clock.forward(seconds=HOUR / 2)
        sent.append(queue.send())
    assert sorted(itertools.chain(*sent)) == sorted(f"u{n}@{domain}.test" for domain in "abc" for n in range(2))
    assert max(map(len, sent)) == 1
    for one, two in itertools.pairwise(sent):
        assert {name[3:] for name in one}.isdisjoint(name[3:] for name in two)


def test_a_restart_keeps_the_count(open_store: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(THROTTLING, "throttles", Throttles())
    queue = Held(open_store(), "all 10/hour")
    queue.put("bob@one.test", "carol@one.test")
    assert queue.send() == ["bob@one.test"]
    queue.store.close()
    again = Held(open_store(), "all 10/hour")
    assert again.send() == []
    again.clock.forward(seconds=HOUR / 10)
    assert again.send() == ["carol@one.test"]


def test_other_rules_hold_for_what_waits_already(held: Callable[..., Held]) -> None:
    queue = held()
    for n in range(120):
        queue.put(f"u{n}@big.test")
    queue.use("to:big.test 40/day")
    assert len(queue.send()) == 4
    queue.use("to:big.test 4000/hour 1000 at once")  # another bucket: it was full
    assert len(queue.send(queues=(PERSONAL,))) == 116
    for n in range(3):
        queue.put(f"v{n}@big.test")
    queue.use("to:big.test 10/day")
    assert queue.send() == []  # the day's bucket remembers, though it is a smaller one
    queue.use()
    assert len(queue.send()) == 3


def test_a_lane_that_waits_is_not_looked_at_before_its_turn(held: Callable[..., Held]) -> None:
    """Many destinations wait for one throttle: each time one may go, one is looked at, and not all."""
    queue = held("all 60/hour 1 at once")
    for n in range(60):
        queue.put(f"u@d{n}.test")
    assert len(queue.send()) == 1
    for _ in range(3):
        queue.clock.forward(seconds=60)
        queue.store.write(lambda tx: throttle.wake(tx.db, QUEUES, tx.now_ms))
        sql = "SELECT COUNT(*) FROM lane WHERE waits_for = ''"
        woken = queue.store.read(lambda view: view.db.row(sql))  # noqa: B023
        assert woken is not None
        assert int(str(woken[0])) <= 5  # those that are empty are counted, too
        assert len(queue.send()) == 1


def test_empty_lanes_that_waited_hold_nobody_up(held: Callable[..., Held]) -> None:
    """As when an administrator drops what waits."""
    queue = held("all 60/hour 1 at once")
    for n in range(30):
        queue.put(f"u@d{n}.test")
    assert len(queue.send()) == 1
    queue.store.write(lambda tx: tx.db.run("DELETE FROM outbox"))
    queue.put("bob@last.test")
    queue.clock.forward(seconds=60)
    sent = queue.send()
    for _ in range(60):  # it takes some looks, a quarter of a second apart, and not a minute for each
        queue.clock.forward(seconds=0.25)
        sent += queue.send()
    assert sent == ["bob@last.test"]


def test_a_clock_that_was_wrong_does_no_harm(held: Callable[..., Held]) -> None:
    queue = held("all 10/hour")
    for n in range(4):
        queue.put(f"u{n}@one.test")
    queue.clock.forward(seconds=365 * 86_400)
    assert len(queue.send()) == 1  # a year gives no more than a full bucket
    queue.clock.forward(seconds=-365 * 86_400)
    queue.use("all 10/hour")
    assert queue.send() == []
    queue.clock.forward(seconds=HOUR / 10)
    assert len(queue.send()) == 1


def test_the_log_says_once_that_mail_waits(held: Callable[..., Held]) -> None:
    queue = held("to:big.test 1/hour")
    with Lines() as lines:
        for n in range(3):
            queue.put(f"u{n}@big.test", f"v{n}@big.test")
            queue.send()
    assert [(line["throttle"], line["most"]) for line in lines.of("relay.throttled")] == [("to:big.test per hour", 1)]


def test_a_wake_that_was_lost_is_made_good(held: Callable[..., Held]) -> None:
    queue = held("all 1/hour")
    queue.put("a@one.test", "b@two.test")
    assert len(queue.send()) == 1
    queue.store.write(lambda tx: tx.db.run("UPDATE throttle SET next_at = ?", (NEVER,)))
    queue.clock.forward(seconds=HOUR)
    assert queue.send() == []
    queue.store.write(lambda tx: throttle.tidy(tx.db, tx.now_ms))
    assert len(queue.send()) == 1


def test_buckets_that_are_full_are_forgotten(held: Callable[..., Held]) -> None:
    queue = held("to:* 10/hour")
    queue.put("a@one.test", "b@two.test", "c@two.test")
    queue.send()
    queue.clock.forward(seconds=2 * 86_400)
    queue.store.write(lambda tx: throttle.tidy(tx.db, tx.now_ms))
    assert queue.count("throttle") == 1  # somebody waits for the other
    assert queue.send() == ["c@two.test"]
    queue.clock.forward(seconds=2 * 86_400)
    queue.store.write(lambda tx: throttle.tidy(tx.db, tx.now_ms))
    assert queue.count("throttle") == 0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_no_hour_sees_more_and_all_is_sent(held: Callable[..., Held], seed: int) -> None:
    """Plays at random: several send, finish, give up for now, or die; rules overlap."""
    chance = random.Random(seed)
    rules = {"to:a.test": Rate.of(8, 1000 * HOUR), "all": Rate.of(20, 1000 * HOUR), "from:*": Rate.of(15, 1000 * HOUR)}
    queue = held(*[f"{who} {rate.most}/hour" for who, rate in rules.items()])
    queue.limit = chance.choice([1, 2, 20])
    claimed: list[tuple[int, str]] = []
    live: list[Claim] = []
    put = 0
    for step in range(300):
        act = chance.random() if step < 60 else 0.3 + chance.random() * 0.7
        if act < 0.3:
            to = [f"u{put + n}@{chance.choice('aabc')}.test" for n in range(chance.randint(1, 5))]
            queue.put(*to, origin=chance.choice(["submission", "list"]))
            put += len(to)
        elif act < 0.75:
            queue.store.write(lambda tx: throttle.wake(tx.db, QUEUES, tx.now_ms))
            if (found := queue.claim(queue.claimer, chance.choice([PERSONAL, BULK]))) is not None:
                claimed += [(queue.clock.now_ms(), name) for name in names(found)]
                live.append(found)
        elif act < 0.9 and live:
            claim = live.pop(chance.randrange(len(live)))
            if claim.ends_at > queue.clock.now_ms():
                queue.finish(claim) if chance.random() < 0.8 else queue.postpone(claim, 60)
        else:
            queue.clock.forward(seconds=chance.choice([1, 30, 200]))
    for _ in range(400):
        queue.clock.forward(seconds=200)
        claimed += [(queue.clock.now_ms(), name) for name in queue.send()]
    assert queue.count("outbox") == 0
    for who, rate in rules.items():
        times = [at for at, name in claimed if not who.startswith("to:") or name.endswith("@a.test")]
        for start in times:
            assert sum(start <= at < start + rate.span_ms for at in times) <= rate.most
