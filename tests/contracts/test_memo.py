"""What is remembered for a time, on every engine."""

from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock

SECOND = 1_000


def test_a_memo_is_there_until_its_time_and_takes_the_place_of_the_last(store: Store) -> None:
    clock = store.clock
    assert isinstance(clock, SetClock)
    for value in ("one", "two"):
        store.write(lambda tx, v=value: tx.keep_memo("a1", "away", "x", v, tx.now_ms + SECOND))  # type: ignore[misc]
    store.write(lambda tx: tx.keep_memo("a1", "srs", "x", "three", tx.now_ms + 2 * SECOND))

    def found() -> list[str | None]:
        return store.read(lambda view: [view.recall("a1", kind, "x") for kind in ("away", "srs", "other")])

    assert found() == ["two", "three", None]
    clock.forward(seconds=1)
    assert found() == [None, "three", None]
    assert store.write(lambda tx: tx.drop_expired_memos(10)) == 1
    store.write(lambda tx: tx.forget_memos("a1", "srs"))
    assert found() == [None, None, None]
    assert store.write(lambda tx: tx.drop_expired_memos(10)) == 0
