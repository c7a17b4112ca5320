"""When a subscription may be told something again, by a clock that is handed in."""

import pytest

from pillarbox.net.guarded_http import Answer
from pillarbox.workers.push_line import Allowance, Line, PushTiming
from pillarbox.workers.push_request import Outcome, Verdict, judge

TIMING = PushTiming(interval=2.0, first_retry=5.0, most_retry=60.0, most_interval=30.0, give_up=1_000.0)


def waits(line: Line, verdict: Verdict, times: int, retry_after: float = 0.0) -> list[float]:
    """How long the line waits after each of these outcomes, which come as early as they may."""
    out = []
    for _ in range(times):
        now = line.not_before
        assert line.follow(Outcome(verdict, retry_after=retry_after), now)
        out.append(line.not_before - now)
    return out


def line() -> Line:
    return Line("a1", "p1", TIMING)


def test_after_a_message_comes_a_pause() -> None:
    assert waits(line(), Verdict.TAKEN, 2) == [2.0, 2.0]


@pytest.mark.parametrize("verdict", [Verdict.LATER, Verdict.UNREACHED])
def test_failures_are_followed_by_longer_and_longer_pauses(verdict: Verdict) -> None:
    assert waits(line(), verdict, 6) == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_a_success_ends_the_back_off() -> None:
    one = line()
    waits(one, Verdict.LATER, 4)
    assert waits(one, Verdict.TAKEN, 1) == [2.0]
    assert waits(one, Verdict.LATER, 1) == [5.0]


def test_the_push_service_may_ask_for_a_longer_pause() -> None:
    assert waits(line(), Verdict.LATER, 1, retry_after=300.0) == [300.0]


def test_too_many_requests_makes_messages_rarer_even_when_they_are_taken_again() -> None:
    one = line()
    waits(one, Verdict.SLOWER, 3)
    later = waits(one, Verdict.TAKEN, 20)
    assert later[0] > 10.0
    assert later == sorted(later, reverse=True)
    assert later[-1] == 2.0


def test_messages_do_not_become_rarer_without_end() -> None:
    one = line()
    assert waits(one, Verdict.SLOWER, 12)[-1] == 60.0
    assert waits(one, Verdict.TAKEN, 1)[0] <= 30.0


def test_failures_that_last_too_long_end_it() -> None:
    one = line()
    assert one.follow(Outcome(Verdict.LATER), 0.0)
    assert one.follow(Outcome(Verdict.LATER), 999.0)
    assert not one.follow(Outcome(Verdict.LATER), 1_000.0)


def test_of_many_changes_the_newest_number_is_kept() -> None:
    one = line()
    one.add("a1", {"Email": 5, "Mailbox": 5})
    one.add("a1", {"Email": 7})
    one.add("a1", {"Email": 6})
    assert one.take() == {"a1": {"Email": 7, "Mailbox": 5}}
    assert not one.has_work


def test_an_allowance_is_used_up_and_comes_back_with_time() -> None:
    allowance = Allowance(3, 60.0)
    assert [allowance.take("a1", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]
    assert allowance.take("a2", 0.0) == 0.0
    assert allowance.take("a1", 30.0) == 30.0
    assert allowance.take("a1", 60.0) == 0.0
    assert allowance.take("a1", 60.0) == 60.0
    allowance.tidy(1_000.0)
    assert [allowance.take("a1", 1_000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 60.0]


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [
        (200, "", (Verdict.TAKEN, 0.0)),
        (201, "", (Verdict.TAKEN, 0.0)),
        (202, "", (Verdict.TAKEN, 0.0)),
        (301, "", (Verdict.LATER, 0.0)),
        (403, "", (Verdict.LATER, 0.0)),
        (404, "", (Verdict.GONE, 0.0)),
        (410, "60", (Verdict.GONE, 0.0)),
        (429, "120", (Verdict.SLOWER, 120.0)),
        (503, " 7 ", (Verdict.LATER, 7.0)),
        (503, "999999999", (Verdict.LATER, 21_600.0)),
        (503, "-1", (Verdict.LATER, 0.0)),
        (503, "٣", (Verdict.LATER, 0.0)),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", (Verdict.LATER, 0.0)),
    ],
)
def test_a_push_services_answer_is_understood(status: int, retry_after: str, outcome: tuple[Verdict, float]) -> None:
    found = judge(Answer(status, {"retry-after": retry_after}, b""))
    assert (found.verdict, found.retry_after) == outcome
