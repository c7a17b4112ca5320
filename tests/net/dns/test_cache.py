"""Answers are remembered for as long as they say, in bounded memory."""

import pytest

from pillarbox.core.dns import Answer, Question, Status
from pillarbox.net.dns.cache import FAILED_SECONDS, Cache

A, B, C = (Question(f"{letter}.example.org", "A") for letter in "abc")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def found(ttl: int, text: str = "192.0.2.1") -> Answer:
    return Answer(Status.FOUND, (text,), ttl=ttl)


def test_an_answer_is_remembered_for_its_ttl_which_runs_down(time: Time) -> None:
    cache = Cache(100_000, time)
    cache.put(A, found(60))
    time.now += 20
    answer = cache.get(A)
    assert answer is not None
    assert (answer.records, answer.ttl) == (("192.0.2.1",), 40)
    time.now += 40
    assert cache.get(A) is None
    assert (len(cache), cache.octets) == (0, 0)


def test_a_failure_is_remembered_for_some_seconds_whatever_it_says(time: Time) -> None:
    cache = Cache(100_000, time)
    cache.put(A, Answer(Status.FAILED))
    assert cache.get(A) is not None
    time.now += FAILED_SECONDS
    assert cache.get(A) is None


def test_what_lives_no_second_is_not_kept(time: Time) -> None:
    cache = Cache(100_000, time)
    cache.put(A, found(0))
    cache.put(B, Answer(Status.NO_NAME, ttl=0))
    assert len(cache) == 0


def test_another_answer_takes_the_place_of_the_one_before(time: Time) -> None:
    cache = Cache(100_000, time)
    cache.put(A, found(60))
    octets = cache.octets
    cache.put(A, found(60, "192.0.2.2"))
    assert cache.octets == octets
    cache.put(A, found(0))
    assert cache.get(A) is None


def test_the_least_used_goes_when_memory_ends(time: Time) -> None:
    cache = Cache(2_000, time)
    cache.put(A, found(60))
    cache.put(B, found(60))
    cache.get(A)
    cache.put(C, found(60))
    assert [cache.get(question) is not None for question in (A, B, C)] == [True, False, True]
    assert cache.octets <= 2_000


def test_what_is_larger_than_all_memory_is_not_kept_and_drives_nothing_out(time: Time) -> None:
    cache = Cache(2_000, time)
    cache.put(A, found(60))
    cache.put(B, found(60, "x" * 2_000))
    assert cache.get(A) is not None
    assert cache.get(B) is None


def test_without_memory_nothing_is_kept(time: Time) -> None:
    cache = Cache(0, time)
    cache.put(A, found(60))
    assert cache.get(A) is None
