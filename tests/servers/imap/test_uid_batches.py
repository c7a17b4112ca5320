from array import array

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.imap.uid_batches import batches


@given(st.sets(st.integers(1, 4_000), max_size=300), st.integers(1, 60))
def test_batches_hold_equally_many_messages_and_leave_no_uid_out(numbers: set[int], size: int) -> None:
    uids = array("I", sorted(numbers))
    ranges = batches(uids, size)
    held = [[uid for uid in uids if low <= uid <= high] for high, low in ranges]
    assert [uid for batch in reversed(held) for uid in batch] == list(uids)
    assert all(len(batch) == size for batch in held[:-1])
    assert not held or 0 < len(held[-1]) <= size
    assert [low - 1 for _, low in ranges] == [*(high for high, _ in ranges[1:]), *[0] * bool(ranges)]
