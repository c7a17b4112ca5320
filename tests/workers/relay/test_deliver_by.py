"""Mail that is to be delivered by a time, and goes back, or is told of, when it is not (RFC 2852)."""

import pytest

from pillarbox.datatypes.envelope import Address
from pillarbox.formats.report.dsn import Dsn, parse_dsn
from pillarbox.services import queue_admin
from pillarbox.services.deadline import DEADLINE
from pillarbox.services.overdue import see_to_deadlines
from pillarbox.services.queue import PERSONAL
from pillarbox.services.queue_admin import Change, Search
from pillarbox.services.queue_throttle import Throttles
from pillarbox.services.relay import Schedule
from pillarbox.storage import lane
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.storage.transaction import Transaction
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import ALICE, Depot

WITH = ("PIPELINING", "8BITMIME", "DELIVERBY 60")
BUSY = {"RCPT": b"451 4.2.1 busy\r\n"}


def told(depot: Depot) -> list[Dsn]:
    found = [parse_dsn(data) for data in depot.inbox()]
    assert None not in found
    return [one for one in found if one is not None]


def put(depot: Depot, by: str) -> None:
    depot.put("bob@two.test", mail_from=Address(ALICE, {"BY": by}))


@pytest.mark.parametrize("by", ["600;R", "600;rt", "600;N"])
def test_the_next_server_is_told_how_much_time_is_left(depot: Depot, by: str) -> None:
    put(depot, by)
    depot.clock.forward(seconds=100)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            await depot.send(sink.port)
        assert sink.taken[0].lines[0] == f"MAIL FROM:<{ALICE}> BY=500;{by[4:].upper()}"

    depot.run(body)


@pytest.mark.parametrize(
    ("keywords", "status"), [(("PIPELINING", "8BITMIME"), "5.3.3"), (("PIPELINING", "DELIVERBY 700"), "5.4.7")]
)
def test_what_is_to_come_back_goes_to_no_server_that_does_not_promise_that(
    depot: Depot, keywords: tuple[str, ...], status: str
) -> None:
    put(depot, "600;R")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=keywords)) as sink:
            await depot.send(sink.port)
        assert sink.taken == []
        ((to,),) = (report.recipients for report in told(depot))
        assert (to.action, to.status) == ("failed", status)

    depot.run(body)


def test_what_need_not_come_back_goes_to_any(depot: Depot) -> None:
    put(depot, "600;N")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=("PIPELINING",))) as sink:
            await depot.send(sink.port)
        assert sink.taken[0].lines[0] == f"MAIL FROM:<{ALICE}>"

    depot.run(body)


def test_what_is_late_comes_back_at_its_time(depot: Depot) -> None:
    put(depot, "600;R")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH, says=BUSY)) as sink:
            await depot.send(sink.port)
            depot.clock.forward(seconds=400)
            await depot.send(sink.port)
            assert depot.waiting()["bob@two.test"]["minutes"] == pytest.approx(200 / 60, abs=0.1)
            assert told(depot) == []
            depot.clock.forward(seconds=200)
            before = len(sink.commands)
            await depot.send(sink.port)
            assert len(sink.commands) == before  # nothing is said to anybody about it
        assert depot.waiting() == {}
        ((to,),) = (report.recipients for report in told(depot))
        assert (to.action, to.status) == ("failed", "5.4.7")

    depot.run(body)


def test_who_wants_to_hear_of_it_hears_once_and_mail_goes_on(depot: Depot) -> None:
    put(depot, "600;N")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH, says=BUSY)) as sink:
            for seconds in (0, 400, 200, 3_600):
                depot.clock.forward(seconds=seconds)
                await depot.send(sink.port)
            ((to,),) = (report.recipients for report in told(depot))
            assert (to.action, to.status[:1]) == ("delayed", "4")
            sink.says = {}
            depot.clock.forward(seconds=3_600)
            await depot.send(sink.port)
        assert sink.taken[0].lines[0] == f"MAIL FROM:<{ALICE}> BY=-7200;N"
        assert len(told(depot)) == 1

    depot.run(body)


def test_what_came_late_has_been_told_of(depot: Depot) -> None:
    put(depot, "-5;N")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH, says=BUSY)) as sink:
            await depot.send(sink.port)
        assert told(depot) == []
        assert "bob@two.test" in depot.waiting()

    depot.run(body)


def test_what_becomes_late_while_it_is_tried_is_not_tried_again(depot: Depot) -> None:
    put(depot, "600;R")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH, says=BUSY)) as sink:
            answer = sink.said

            def said(line: str) -> bytes | None:
                if line.startswith("RCPT"):
                    depot.clock.forward(seconds=601)
                return answer(line)

            sink.said = said  # type: ignore[method-assign]
            await depot.send(sink.port)
        assert depot.waiting() == {}
        ((to,),) = (report.recipients for report in told(depot))
        assert (to.action, to.status) == ("failed", "5.4.7")
        assert "busy" in str(to.diagnostic)

    depot.run(body)


def block(depot: Depot, reason: str = "451 4.4.1 mx.two.test: no answer") -> None:
    """Have the destination left alone for an hour."""
    depot.store.write(lambda tx: lane.block(tx.db, "two.test", tx.now_ms + 3_600_000, 9, reason))


def deadlines(depot: Depot) -> int:
    with depot.store.snapshot() as view:
        return len(view.db.rows("SELECT 1 FROM outbox WHERE kind = ?", (DEADLINE,)))


def test_what_is_late_comes_back_at_its_time_though_its_destination_is_left_alone_for_longer(depot: Depot) -> None:
    put(depot, "600;R")
    depot.put("eve@two.test")
    block(depot)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            depot.clock.forward(seconds=599)
            await depot.send(sink.port)
            assert (told(depot), set(depot.waiting())) == ([], {"bob@two.test", "eve@two.test"})
            depot.clock.forward(seconds=1)
            await depot.send(sink.port)
            assert sink.commands == []
        ((to,),) = (report.recipients for report in told(depot))
        assert (to.final_recipient, to.action, to.status) == ("bob@two.test", "failed", "5.4.7")
        assert "no answer" in str(to.diagnostic)
        assert set(depot.waiting()) == {"eve@two.test"}
        assert deadlines(depot) == 0

    depot.run(body)


def test_who_wants_to_hear_of_it_hears_it_then_and_mail_goes_on_waiting(depot: Depot) -> None:
    put(depot, "600;N")
    block(depot)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            for seconds in (600, 60):
                depot.clock.forward(seconds=seconds)
                await depot.send(sink.port)
            ((to,),) = (report.recipients for report in told(depot))
            assert (to.action, to.status[:1]) == ("delayed", "4")
            depot.clock.forward(seconds=3_600)
            await depot.send(sink.port)
        assert len(sink.taken) == 1
        assert len(told(depot)) == 1

    depot.run(body)


def test_a_throttle_delays_no_time_that_a_sender_has_set(depot: Depot) -> None:
    throttles = Throttles(["to:two.test 1/day"])
    depot.put("eve@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            await depot.send(sink.port, throttles=throttles)
            put(depot, "600;R")
            await depot.send(sink.port, throttles=throttles)
            depot.clock.forward(seconds=600)
            await depot.send(sink.port, throttles=throttles)
            assert len(sink.taken) == 1
        ((to,),) = (report.recipients for report in told(depot))
        assert (to.final_recipient, to.status) == ("bob@two.test", "5.4.7")

    depot.run(body)


def test_the_time_of_what_was_delivered_is_forgotten_with_it(depot: Depot) -> None:
    put(depot, "600;R")
    assert deadlines(depot) == 1

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            await depot.send(sink.port)
        assert len(sink.taken) == 1
        assert (deadlines(depot), told(depot)) == (0, [])

    depot.run(body)


def test_what_an_administrator_holds_is_held_past_its_time(depot: Depot) -> None:
    put(depot, "600;R")
    with depot.store.snapshot() as view:
        (id,) = queue_admin.find(view, Search())
    depot.store.write(lambda tx: queue_admin.change(tx, id, Change(is_held=True)))
    depot.clock.forward(seconds=601)

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=WITH)) as sink:
            await depot.send(sink.port)
            assert (told(depot), set(depot.waiting())) == ([], {"bob@two.test"})
            depot.store.write(lambda tx: queue_admin.change(tx, id, Change(is_held=False)))
            block(depot)
            await depot.send(sink.port)
        ((to,),) = (report.recipients for report in told(depot))
        assert to.status == "5.4.7"

    depot.run(body)


def test_what_is_being_sent_at_its_time_is_looked_at_when_that_has_ended(depot: Depot) -> None:
    put(depot, "600;R")

    def claim(tx: Transaction) -> Claim | None:
        by = Claimer("one", 700_000)
        return lane.claim(tx.db, PERSONAL, tx.now_ms, by, "l1", lambda _: 20)

    assert depot.store.write(claim) is not None
    depot.clock.forward(seconds=600)
    schedule = Schedule()
    assert depot.store.write(lambda tx: see_to_deadlines(tx, schedule, "mx.example.org")) == (0, 0)
    assert depot.store.write(lambda tx: see_to_deadlines(tx, schedule, "mx.example.org")) == (0, 0)
    depot.clock.forward(seconds=101)  # who sent it has been killed
    assert depot.store.write(lambda tx: see_to_deadlines(tx, schedule, "mx.example.org")) == (1, 0)
    assert (depot.waiting(), deadlines(depot)) == ({}, 0)
