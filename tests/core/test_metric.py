"""Counters, gauges and histograms: what they tell, and that they add up over processes."""

import os
import threading

import pytest

from pillarbox.core.metric import Counter, Gauge, Histogram, Instrument, Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


def told(instrument: Instrument) -> dict[str, float]:
    return {s.suffix + "".join(f" {k}={v}" for k, v in s.labels.items()): s.value for s in instrument.samples()}


def test_what_was_not_declared_is_counted_as_other(registry: Registry) -> None:
    counter = Counter("c", "", registry=registry, kind=["good", "bad"])
    counter.count("good")
    counter.add(2, "made up by a client")
    assert told(counter) == {" kind=good": 1, " kind=bad": 0, " kind=other": 2}


def test_combinations_that_never_happened_are_left_out(registry: Registry) -> None:
    counter = Counter("c", "", registry=registry, a=["1", "2"], b=["3", "4"])
    counter.count("1", "4")
    assert told(counter) == {" a=1 b=4": 1}


def test_values_can_be_declared_later_until_the_numbers_are_shared(registry: Registry) -> None:
    counter = Counter("c", "", registry=registry, kind=())
    counter.declare(kind=["late"])
    counter.count("late")
    registry.share(2)
    counter.declare(kind=["too late"])
    counter.count("too late")
    assert told(counter) == {" kind=late": 1, " kind=other": 1}
    late = Histogram("h", "", registry=registry)
    late.observe(1)
    assert told(late) == {}


def test_a_histogram_counts_up_to_each_bound_with_the_bound(registry: Registry) -> None:
    histogram = Histogram("h", "", bounds=(1, 10), registry=registry)
    for value in (0.5, 1, 1.5, 10, 11):
        histogram.observe(value)
    assert told(histogram) == {"_bucket le=1.0": 2, "_bucket le=10.0": 4, "_bucket le=+Inf": 5, "_sum": 24, "_count": 5}


def test_a_name_is_given_once(registry: Registry) -> None:
    Counter("c", "", registry=registry)
    with pytest.raises(ValueError, match="two instruments c"):
        Gauge("c", "", registry=registry)


def test_threads_lose_no_count(registry: Registry) -> None:
    counter = Counter("c", "", registry=registry)

    def count() -> None:
        for _ in range(5_000):
            counter.count()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(counter) == {"": 20_000}


def in_a_fork(work: object) -> None:
    """Run in a forked process, and wait for its end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def test_numbers_add_up_over_processes_and_outlive_them(registry: Registry) -> None:
    counter = Counter("c", "", registry=registry)
    open_now, oldest = Gauge("g", "", registry=registry), Gauge("m", "", most=True, registry=registry)
    counter.count()
    registry.share(3)
    counter.count()

    def work(part: int) -> None:
        registry.enter(part)
        counter.add(10)
        open_now.add(2)
        oldest.set(part)
        registry.flush()

    in_a_fork(lambda: work(1))
    in_a_fork(lambda: work(2))
    assert (told(counter), told(open_now), told(oldest)) == ({"": 22}, {"": 4}, {"": 2})
    # Who takes the place of a process that died goes on with its counts; nothing is open there any more.
    in_a_fork(lambda: registry.enter(2))
    assert (told(counter), told(open_now), told(oldest)) == ({"": 22}, {"": 2}, {"": 1})
