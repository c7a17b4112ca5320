"""Mail leaves: to the right server, once, and its sender hears what he has to hear."""

import asyncio
import re
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.core.dns import Mx, Status
from pillarbox.datatypes.envelope import Address
from pillarbox.formats.report.dsn import parse_dsn
from pillarbox.services.relay import Schedule
from pillarbox.services.route import Routes
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.worker import RelayWorker
from tests.support.log import Lines
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import ALICE, DATA, LOOPBACK, Depot, attempts_on

HOUR = 3600


def test_a_message_goes_to_all_of_one_domain_at_once_as_it_was(depot: Depot) -> None:
    depot.put("bob@two.test", "eve@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        (taken,) = sink.taken
        assert taken.lines == [f"MAIL FROM:<{ALICE}>", "RCPT TO:<bob@two.test>", "RCPT TO:<eve@two.test>"]
        assert taken.data == DATA
        assert depot.waiting() == {}
        assert depot.inbox() == []

    depot.run(body)


def test_the_log_names_a_message_as_the_reply_to_it_did_beside_the_other_servers_reply(depot: Depot) -> None:
    depot.put("bob@two.test", item="x4k9")
    depot.put("eve@two.test", item="x5k1")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<eve@two.test>": b"550 5.1.1 no\r\n"})) as sink:
            await depot.send(sink.port)

    with Lines() as lines:
        depot.run(body)
    (relayed,), (failed,) = lines.of("relay.relayed"), lines.of("relay.failed")
    assert (relayed["accepted_as"], failed["accepted_as"]) == ("x4k9", "x5k1")
    assert (relayed["reply"][:3], failed["reply"][:3]) == ("250", "550")
    assert relayed["message"] == "another server took a message"


def test_messages_to_one_server_share_a_connection_and_do_not_mix(depot: Depot) -> None:
    for n in range(5):
        depot.put(f"u{n}@two.test", data=DATA + b"%d\r\n" % n)

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port, per_destination=1)
        assert sink.connections == 1
        assert {(taken.lines[1], taken.data) for taken in sink.taken} == {
            (f"RCPT TO:<u{n}@two.test>", DATA + b"%d\r\n" % n) for n in range(5)
        }

    depot.run(body)


def test_a_connection_that_was_closed_meanwhile_is_no_failure(depot: Depot) -> None:
    for n in range(2):
        depot.put(f"u{n}@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RSET": b""})) as sink:
            sink.before_250 = lambda _taken: sink.says.update(MAIL=b"") if len(sink.taken) == 1 else None
            original = sink.said

            def said(line: str) -> bytes | None:
                found = original(line)
                if found == b"" and line.startswith("MAIL"):
                    sink.says = {}
                return found

            sink.said = said  # type: ignore[method-assign]
            sink.says = {}
            await depot.send(sink.port, per_destination=1)
        assert len(sink.taken) == 2
        assert depot.waiting() == {}

    depot.run(body)


def test_who_is_refused_is_told_of_in_words_and_the_others_have_it(depot: Depot) -> None:
    depot.put("bob@two.test", "eve@two.test", "mal@two.test")

    async def body(depot: Depot) -> None:
        says = {"RCPT TO:<eve": b"550 5.1.1 no such user\r\n", "RCPT TO:<mal": b"550 5.2.2 full\r\n"}
        async with serving(Sink(says=says)) as sink:
            await depot.send(sink.port)
        assert len(sink.taken) == 1
        (notice,) = depot.inbox()
        dsn = parse_dsn(notice)
        assert dsn is not None
        assert [(to.final_recipient, to.action, to.status, to.remote_mta) for to in dsn.recipients] == [
            ("eve@two.test", "failed", "5.1.1", "mx.two.test"),
            ("mal@two.test", "failed", "5.2.2", "mx.two.test"),
        ]
        text = re.sub(rb"\s+", b" ", notice)
        assert b"There is no such address." in text
        assert b"The mailbox is full." in text
        assert b"mx.two.test said: 550 5.1.1 no such user" in text
        assert depot.waiting() == {}

    depot.run(body)


def test_mail_of_nobody_is_never_told_about(depot: Depot) -> None:
    depot.put("eve@two.test", mail_from=Address(""), origin="notification")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT": b"550 5.1.1 who\r\n"})) as sink:
            await depot.send(sink.port)
        assert (depot.waiting(), depot.inbox()) == ({}, [])

    depot.run(body)


def test_what_was_forwarded_goes_back_to_where_it_came_from(depot: Depot) -> None:
    depot.put("eve@two.test", mail_from=Address("zoe@three.test"), origin="forward")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<eve": b"550 5.1.1 who\r\n"})) as sink:
            depot.table.answers = {**depot.table.answers, "three.test A": ["127.0.0.1"]}
            depot.table.names.add("three.test")
            await depot.send(sink.port)
        (back,) = sink.taken
        assert back.lines == ["MAIL FROM:<>", "RCPT TO:<zoe@three.test>"]
        assert parse_dsn(back.data) is not None
        assert depot.inbox() == []

    depot.run(body)


def test_what_is_put_off_is_tried_again_then_told_of_and_at_last_given_up(depot: Depot) -> None:
    schedule = Schedule(retry_minutes=(5, 30), expire_days=1, delay_notice_hours=4)
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT": b"451 4.7.1 greylisted\r\n"})) as sink:
            minutes = []
            for _ in range(200):
                await depot.send(sink.port, schedule=schedule)
                if not depot.waiting():
                    break
                minutes.append(depot.waiting()["bob@two.test"]["minutes"])
                if len(minutes) == 3:
                    assert depot.waiting()["bob@two.test"]["reply"] == "451 4.7.1 greylisted"
                depot.clock.forward(seconds=minutes[-1] * 60 + 1)
        assert 4 <= minutes[0] <= 6
        assert all(25 <= one <= 35 for one in minutes[1:-1])
        late, failed = (parse_dsn(notice) for notice in sorted(depot.inbox(), key=lambda n: b"Action: failed" in n))
        assert late is not None
        assert failed is not None
        assert (late.recipients[0].action, late.recipients[0].status) == ("delayed", "4.7.1")
        assert late.recipients[0].will_retry_until is not None
        assert (failed.recipients[0].action, failed.recipients[0].status) == ("failed", "5.4.7")
        assert "greylisted" in (failed.recipients[0].diagnostic or "")

    depot.run(body)


def test_a_domain_that_cannot_be_reached_is_left_alone_for_longer_and_longer(depot: Depot) -> None:
    for n in range(30):
        depot.put(f"u{n}@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            pass  # nobody listens there any more
        await depot.send(sink.port, per_destination=1)
        tried = [job for job in depot.waiting().values() if job.get("attempts")]
        assert len(tried) == 1
        rows = depot.store.read(lambda view: view.db.rows("SELECT name, failures, reason FROM destination"))
        assert [row[:2] for row in rows] == [("two.test", 1)]
        depot.clock.forward(seconds=31)
        await depot.send(sink.port, per_destination=1)
        assert depot.store.read(lambda view: view.db.row("SELECT failures FROM destination")) == (2,)
        depot.clock.forward(seconds=HOUR)
        async with serving(sink):
            await depot.send(sink.port)
        assert depot.waiting() == {}
        assert len(sink.taken) == 30

    depot.run(body)


@pytest.mark.parametrize(
    ("answers", "status", "is_final"),
    [
        ({"two.test MX": [Mx(0, "")]}, "5.1.10", True),
        ({}, "5.1.2", True),
        ({"two.test MX": [Mx(5, "mx.example.org"), Mx(9, "other.test")]}, "5.4.6", True),
        ({"two.test MX": [Mx(5, "gone.test")]}, "5.4.4", True),
        ({"two.test MX": Status.FAILED}, "4.4.3", False),
    ],
)
def test_a_domain_without_a_server_to_try_is_told_apart_from_a_dns_that_does_not_say(
    depot: Depot, answers: Any, status: str, is_final: bool
) -> None:
    depot.put("bob@two.test")
    depot.table.answers = answers
    depot.table.names = {key.partition(" ")[0] for key in answers}

    async def body(depot: Depot) -> None:
        await depot.send(1)
        if is_final:
            (notice,) = depot.inbox()
            dsn = parse_dsn(notice)
            assert dsn is not None
            assert dsn.recipients[0].status == status
            assert depot.waiting() == {}
        else:
            assert depot.waiting()["bob@two.test"]["reply"].split()[1] == status

    depot.run(body)


def test_the_next_server_is_tried_when_one_does_not_answer_or_says_later(depot: Depot) -> None:
    depot.table.answers = {
        "two.test MX": [Mx(1, "a.test"), Mx(2, "b.test")],
        "a.test A": ["127.0.0.2", "127.0.0.3"],
        "b.test A": ["127.0.0.1"],
    }
    depot.table.names = {"two.test", "a.test", "b.test"}
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        assert len(sink.taken) == 1

    depot.run(body)


TWO_SERVERS: dict[str, Any] = {
    "two.test MX": [Mx(1, "a.test"), Mx(2, "b.test")],
    "a.test A": ["127.0.0.1"],
    "b.test A": ["127.0.0.2"],
}


def two_servers(depot: Depot) -> None:
    """The domain has two, at one port of two addresses."""
    depot.table.answers, depot.table.names = dict(TWO_SERVERS), {"two.test", "a.test", "b.test"}


def test_a_server_that_may_have_the_message_is_not_followed_by_another(depot: Depot) -> None:
    two_servers(depot)
    depot.put("bob@two.test", "eve@two.test")

    async def body(depot: Depot) -> None:
        first = Sink(says={"content": b""})
        async with serving(first), serving(Sink(port=first.port), "127.0.0.2") as second:
            await depot.send(first.port)
        assert (first.given, second.connections) == (1, 0)
        assert depot.waiting()["bob@two.test"]["reply"].startswith("451 4.4.2")
        # Nor is the domain left alone for it: another message may do better.
        assert depot.store.read(lambda view: view.db.rows("SELECT 1 FROM destination")) == []

    depot.run(body)


@pytest.mark.parametrize("says", [{"MAIL": b""}, {"MAIL": b"451 4.3.0 later\r\n"}, {"greeting": b"554 no\r\n"}])
def test_a_server_that_has_not_been_given_it_is_followed_by_another(depot: Depot, says: dict[str, bytes]) -> None:
    two_servers(depot)
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says=says)) as first, serving(Sink(port=first.port), "127.0.0.2") as second:
            await depot.send(first.port)
        assert (first.given, len(second.taken)) == (0, 1)

    depot.run(body)


def test_a_server_that_can_take_it_is_found_behind_one_that_cannot(depot: Depot) -> None:
    two_servers(depot)
    depot.put("b\u00fccher@two.test")

    async def body(depot: Depot) -> None:
        first = Sink(keywords=("PIPELINING", "8BITMIME"))
        async with serving(first), serving(Sink(port=first.port), "127.0.0.2") as second:
            await depot.send(first.port)
        assert (first.given, len(second.taken)) == (0, 1)
        depot.put("b\u00fccher@two.test")
        async with serving(Sink(keywords=("PIPELINING", "8BITMIME"))) as only:
            await depot.send(only.port)
        (notice,) = depot.inbox()
        dsn = parse_dsn(notice)
        assert dsn is not None
        assert (dsn.recipients[0].status, dsn.recipients[0].remote_mta) == ("5.6.7", None)

    depot.run(body)


@pytest.mark.parametrize(
    ("greeting", "is_final"),
    [(b"554 5.7.1 your address is on a list\r\n", False), (b"421 busy\r\n", False), (b"521 no mail here\r\n", True)],
)
def test_a_server_that_greets_nobody_has_said_nothing_of_the_message_unless_it_takes_none(
    depot: Depot, greeting: bytes, is_final: bool
) -> None:
    depot.put("bob@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"greeting": greeting})) as sink:
            await depot.send(sink.port)
        assert (depot.waiting() == {}) == is_final
        assert len(depot.inbox()) == int(is_final)

    depot.run(body)


def test_too_many_recipients_go_in_several_transactions(depot: Depot) -> None:
    depot.put(*[f"u{n}@two.test" for n in range(7)])

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=("PIPELINING", "LIMITS RCPTMAX=3"))) as sink:
            await depot.send(sink.port)
        assert [len(taken.lines) - 1 for taken in sink.taken] == [3, 3, 1]
        assert sink.connections == 1

    depot.run(body)


def test_a_message_with_a_bare_line_feed_is_given_to_nobody(depot: Depot) -> None:
    depot.put("bob@two.test", data=DATA + b"a\n.\r\nMAIL FROM:<evil@example.org>\r\n")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        assert sink.connections == 0
        (notice,) = depot.inbox()
        dsn = parse_dsn(notice)
        assert dsn is not None
        assert dsn.recipients[0].status == "5.6.0"

    depot.run(body)


def test_one_message_that_breaks_us_does_not_hold_up_the_others(depot: Depot) -> None:
    def sign(_view: Any, message: bytes, _sender: str) -> bytes:
        if b"poison" in message:
            raise RuntimeError("no")
        return b"X-Signed: yes\r\n"

    depot.sign = sign
    depot.put("bob@two.test", data=DATA + b"poison\r\n")
    depot.put("eve@two.test")

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        (taken,) = sink.taken
        assert taken.data == b"X-Signed: yes\r\n" + DATA
        assert list(depot.waiting()) == ["bob@two.test"]

    depot.run(body)


def test_a_smarthost_gets_all_but_what_has_a_route_of_its_own(depot: Depot) -> None:
    async def body(depot: Depot) -> None:
        async with serving(Sink()) as smart, serving(Sink(is_lmtp=True)) as local:
            depot.options["routes"] = Routes(
                (f"to:.inside.test lmtp://127.0.0.1:{local.port}",), f"smtp://127.0.0.1:{smart.port}"
            )
            depot.put("bob@two.test", "eve@three.test", "ann@x.inside.test")  # before the routes were known
            await depot.send(1)
        assert [taken.lines[1:] for taken in local.taken] == [["RCPT TO:<ann@x.inside.test>"]]
        assert local.commands[0].startswith("LHLO ")
        assert sorted(line for taken in smart.taken for line in taken.lines[1:]) == [
            "RCPT TO:<bob@two.test>",
            "RCPT TO:<eve@three.test>",
        ]
        assert depot.waiting() == {}

    depot.run(body)


def test_success_is_told_when_it_is_asked_for_and_the_next_server_will_not(depot: Depot) -> None:
    depot.put(Address("bob@two.test", {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;bobby@two.test"}))

    async def body(depot: Depot) -> None:
        async with serving(Sink(keywords=("PIPELINING",))) as sink:
            await depot.send(sink.port)
        (notice,) = depot.inbox()
        dsn = parse_dsn(notice)
        assert dsn is not None
        assert (dsn.recipients[0].action, dsn.recipients[0].original_recipient) == ("relayed", "bobby@two.test")
        depot.put(Address("eve@two.test", {"NOTIFY": "SUCCESS"}))
        async with serving(Sink()) as sink:
            await depot.send(sink.port)
        assert sink.taken[0].lines[1] == "RCPT TO:<eve@two.test> NOTIFY=SUCCESS"
        assert len(depot.inbox()) == 1

    depot.run(body)


@pytest.mark.parametrize(
    ("reply", "route", "is_noted"),
    [
        (b"550 5.1.1 who\r\n", (), True),
        (b"550 5.7.1 policy\r\n", (), False),
        (b"550 5.2.2 full\r\n", (), False),
        (b"450 4.1.1 later\r\n", (), False),
        (b"550 5.1.1 who\r\n", ("to:two.test smtp://127.0.0.1:PORT",), False),
    ],
)
def test_who_is_refused_for_good_by_his_own_server_is_not_written_to_again(
    depot: Depot, reply: bytes, route: tuple[str, ...], *, is_noted: bool
) -> None:
    async def body(depot: Depot) -> None:
        async with serving(Sink(says={"RCPT TO:<eve": reply})) as sink:
            rules = tuple(rule.replace("PORT", str(sink.port)) for rule in route)
            depot.put("eve@two.test", "bob@two.test")
            await depot.send(sink.port, routes=Routes(rules))
        assert [one["address"] for one in depot.office.records("SuppressedAddress")] == ["eve@two.test"] * is_noted

    depot.run(body)


def test_a_domain_that_is_not_there_says_nothing_of_an_address(depot: Depot) -> None:
    depot.put("eve@nowhere.test")

    async def body(depot: Depot) -> None:
        await depot.send(1)
        assert len(depot.inbox()) == 1
        assert depot.office.records("SuppressedAddress") == []

    depot.run(body)


def test_many_commits_make_few_looks_at_the_queue_and_what_they_queue_is_sent(depot: Depot) -> None:
    class Counted(RelayWorker):
        looks = 0

        async def work(self) -> float:
            self.looks += 1
            return await super().work()

    async def body(depot: Depot) -> None:
        async with serving(Sink()) as sink:
            settings = RelaySettings("mx.example.org", port=sink.port, allowed=LOOPBACK)
            bridge = bridge_to(depot.store)
            worker = Counted(bridge, settings, attempts_on(bridge, settings))
            running = asyncio.create_task(worker.run())
            for number in range(500):
                bridge.heard({depot.alice: {"Email": number}})
                await asyncio.sleep(0)
            depot.put("bob@two.test")
            bridge.heard({depot.alice: {"Email": 500}})
            while not sink.taken:  # noqa: ASYNC110 -- turns of the loop, no time
                await asyncio.sleep(0)
            assert worker.looks < 250
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await bridge.close()

    depot.run(body)
