"""Mail that is to be delivered by a time, and goes back, or is told of, when it is not (RFC 2852)."""

import pytest

from pillarbox.datatypes.envelope import Address
from pillarbox.formats.report.dsn import Dsn, parse_dsn
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
