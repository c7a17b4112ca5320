"""A rate is never exceeded, and is used up; whatever the clocks do, it heals."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.core.rate import Bucket, Rate

NOW = 1_700_000_000_000
SPANS = st.sampled_from([1_000, 60_000, 3_600_000, 86_400_000])


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    most = draw(st.integers(1, 10_000))
    return Rate.of(most, draw(SPANS), draw(st.integers(0, max(1, most // 2))))


def taken(rate: Rate, steps: list[tuple[float, int]]) -> list[tuple[int, int]]:
    """(time, how many) of those who came, each so many spans after the last and wanting so many."""
    bucket, now, out = rate.bucket, NOW, list[tuple[int, int]]()
    for pause, wanted in steps:
        now += int(pause * rate.span_ms)
        bucket = bucket.at(now)
        if count := min(bucket.room(now), wanted):
            bucket = bucket.after(count, now)
            out.append((now, count))
    return out


STEPS = st.lists(st.tuples(st.floats(0, 1.2), st.integers(1, 10_000)), max_size=60)


@given(rates(), STEPS)
def test_no_span_of_time_sees_more_than_the_rate(rate: Rate, steps: list[tuple[float, int]]) -> None:
    found = taken(rate, steps)
    for start, _ in found:
        assert sum(count for at, count in found if start <= at < start + rate.span_ms) <= rate.most


@given(rates())
def test_who_wants_all_there_is_gets_nearly_the_rate(rate: Rate) -> None:
    bucket, now, count = rate.bucket, NOW, 0
    while now < NOW + 2 * rate.span_ms and count < 50:
        now = bucket.next_ms(now)
        room = bucket.room(now)
        assert room >= 1
        assert bucket.room(now - 1) < room or not count
        bucket, count = bucket.after(room, now), count + room
    least = (rate.most - rate.at_once) / rate.span_ms  # in each millisecond, once what goes at once is gone
    assert count >= min(50, rate.at_once + least * (now - NOW) * 0.5)


@given(rates(), STEPS, st.integers(-(10**12), 10**12))
def test_a_clock_that_jumps_stops_nothing_for_long_and_gives_no_more_than_a_full_bucket(
    rate: Rate, steps: list[tuple[float, int]], jump: int
) -> None:
    bucket, now = rate.bucket, NOW
    for pause, wanted in steps:
        now += int(pause * rate.span_ms)
        bucket = bucket.after(min(bucket.room(now), wanted), now)
    now += jump
    bucket = bucket.at(now)
    assert bucket.room(now) <= rate.at_once
    first = bucket.next_ms(now)
    assert first - now <= bucket.step_us / 1000 + 60_001
    assert bucket.at(first).room(first) >= 1


@given(rates(), st.integers(0, 50_000), st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_nodes_whose_clocks_differ_get_no_more_together(
    rate: Rate, ahead: int, steps: list[tuple[float, bool]]
) -> None:
    """As one node does, but for the time that one is ahead: once, however often they take turns."""
    bucket, now, count = rate.bucket, NOW, 0
    for pause, is_ahead in steps:
        now += int(pause * rate.span_ms)
        own = now + ahead if is_ahead else now
        bucket = bucket.at(own)
        room = bucket.room(own)
        bucket, count = bucket.after(room, own), count + room
    assert count * bucket.step_us <= bucket.size * bucket.step_us + (now + ahead - NOW) * 1000


def test_a_rate_says_how_many_at_once_and_else_a_tenth() -> None:
    assert Rate.of(1, 1000).bucket == Bucket(0, 1_000_000, 1)
    assert Rate.of(100, 3_600_000) == Rate(100, 3_600_000, 10)
    assert Rate.of(100, 3_600_000, 50).at_once == 50
