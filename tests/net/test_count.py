"""Counts over all processes: two seats stand for two processes, which share no more than the memory."""

from pillarbox.net.count import Counts


def test_a_limit_holds_over_all_seats() -> None:
    counts = Counts(2)
    one, other = counts.seat(0), counts.seat(1)
    assert [one.enter("a", 2), other.enter("a", 2), one.enter("a", 2), other.enter("a", 2)] == [
        True,
        True,
        False,
        False,
    ]
    one.leave("a")
    assert (one.total("a"), other.total("a")) == (1, 1)
    assert one.enter("a", 2)
    assert other.enter("b", 1)


def test_a_refusal_counts_nothing() -> None:
    counts = Counts(2)
    one, other = counts.seat(0), counts.seat(1)
    assert not one.enter("a", 0)
    assert (one.total("a"), other.total("a")) == (0, 0)


def test_what_a_dead_process_had_under_way_is_forgotten() -> None:
    counts = Counts(3)
    one, other = counts.seat(0), counts.seat(2)
    assert other.enter("a", 1)
    assert not one.enter("a", 1)
    counts.clear(2)
    assert one.enter("a", 1)


def test_keys_without_room_in_the_shared_memory_are_counted_where_they_are() -> None:
    counts = Counts(2)
    one, other = counts.seat(0), counts.seat(1)
    keys = [n * 2048 for n in range(1, 20)]  # the hash of a small number is the number: all fall into one bucket
    assert all(one.enter(key, 1) for key in keys)
    assert not any(one.enter(key, 1) for key in keys)
    assert sum(other.total(key) for key in keys) == 8
    for key in keys:
        one.leave(key)
    assert sum(other.total(key) for key in keys) == 0
    assert one.enter(keys[-1], 1)
    assert other.total(keys[-1]) == 1
