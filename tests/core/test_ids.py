"""Ids rise, and no two are the same, whoever asks for them at the same time."""

import sys
import threading

from pillarbox.core.ids import IdSource, is_id
from tests.directory_fixture import SetClock


def test_each_is_later_in_order_than_those_before_it_while_the_clock_stands_and_after_it_went_back() -> None:
    clock = SetClock()
    source = IdSource(clock)
    made = [source.new("e") for _ in range(100)]
    clock.forward(seconds=-3_600)
    made += [source.new("e") for _ in range(100)]
    assert made == sorted(set(made))
    assert all(map(is_id, made))


def test_threads_that_ask_at_the_same_time_get_different_ones() -> None:
    source = IdSource(SetClock())
    found: list[list[str]] = [[] for _ in range(8)]
    start = threading.Barrier(len(found))

    def ask(mine: list[str]) -> None:
        start.wait()
        mine += [source.new("e") for _ in range(10_000)]

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # seconds
    try:
        threads = [threading.Thread(target=ask, args=(mine,)) for mine in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert len({id for mine in found for id in mine}) == 8 * 10_000
    assert all(mine == sorted(mine) for mine in found)
