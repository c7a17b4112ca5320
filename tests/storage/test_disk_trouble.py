"""A disk that is full, or refuses: nothing is half done, everybody is told, and it goes on when there is room again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.storage.database import StoreError
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.presence import Presence


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data")
    store.write(lambda tx: tx.add_account("a"))
    yield store
    store.close()


def add(tx: Any, name: str, more: int = 0) -> None:
    tx.write(MAILBOX, "a", None, Mailbox(id=tx.new_id(MAILBOX), name=name + "x" * more))


def names(store: EmbeddedStore) -> list[str]:
    return sorted(box.name for box in store.read(lambda view: view.all(MAILBOX, "a")))


@contextmanager
def full(store: EmbeddedStore, room: int = 0) -> Iterator[None]:
    """The database cannot grow by more than so many pages."""
    db = store.writer._db.native
    db.pragma("max_page_count", db.pragma("page_count") + room)
    yield
    db.pragma("max_page_count", 1 << 30)


def test_a_body_that_goes_on_after_the_disk_was_full_leaves_nothing(store: EmbeddedStore) -> None:
    """As Foo/set does with each record that it fails on."""

    def body(tx: Any) -> None:
        failed = 0
        for number in range(150):
            try:
                with tx.savepoint():
                    add(tx, f"{number}", 200)
            except Exception:  # noqa: BLE001 -- on purpose: SQLite has undone the transaction, and this does not care
                failed += 1
        assert failed

    state = store.read(lambda view: view.state(MAILBOX, "a"))
    with full(store, 4), pytest.raises(Fault) as refused:
        store.write(body)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert names(store) == []
    store.write(lambda tx: add(tx, "after"))
    assert names(store) == ["after"]
    assert store.read(lambda view: view.state(MAILBOX, "a")) == state + 1


def test_all_who_share_a_commit_with_a_body_that_filled_the_disk_are_told(store: EmbeddedStore) -> None:
    writer = store.writer

    def many(tx: Any) -> None:
        for number in range(150):
            add(tx, f"{number}", 200)

    with full(store, 4):
        writer.begin()
        writer.run(lambda tx: add(tx, "before"))
        for act in (many, lambda tx: add(tx, "behind")):
            with pytest.raises(Fault) as refused:
                writer.run(act)
            assert refused.value.kind is Kind.UNAVAILABLE
        with pytest.raises(Fault):
            writer.append()
    assert names(store) == []
    store.write(lambda tx: add(tx, "after"))
    assert names(store) == ["after"]


@contextmanager
def files_no_larger_than(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_commit_counts_although_the_log_cannot_begin_anew(
    store: EmbeddedStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.writer._db.fold_log()
    made = 0
    with files_no_larger_than(store.path.stat().st_size):  # the log has room, the database cannot grow
        while "cannot be folded" not in caplog.text:
            store.writer.restart_log = True
            store.write(lambda tx, n=made: add(tx, f"{n}", 200))  # type: ignore[misc]
            made += 1
        assert len(names(store)) == made
        store.write(lambda tx: add(tx, "behind"))
    store.writer.restart_log = True
    store.write(lambda tx: add(tx, "after"))
    assert len(names(store)) == made + 2


def test_after_a_failed_sync_nothing_depends_on_the_log_of_then(store: EmbeddedStore, tmp_path: Path) -> None:
    store.write(lambda tx: add(tx, "seen"))
    log = Path(f"{store.path}-wal")
    assert log.stat().st_size
    store.presence.doubt()
    with pytest.raises(StoreError, match="have to end"):  # while others go on as if nothing had been
        EmbeddedStore(tmp_path / "data")
    store.presence.give_up()
    store.presence = Presence(tmp_path, "")  # so that it closes
    again = EmbeddedStore(tmp_path / "data")
    with pytest.raises(Fault):
        again.read(lambda view: view.changes(MAILBOX, "a", "1", 10))
    assert b"seen" not in log.read_bytes()
    assert b"seen" in again.path.read_bytes()
    again.close()


def test_a_start_that_fails_leaves_no_lock(tmp_path: Path) -> None:
    EmbeddedStore(tmp_path / "data").close()
    (tmp_path / "data" / "open").write_text("doubted")
    size = (tmp_path / "data" / "pillarbox.sqlite3").stat().st_size
    with files_no_larger_than(size // 4096), pytest.raises((StoreError, Fault, OSError)):
        EmbeddedStore(tmp_path / "data")
    EmbeddedStore(tmp_path / "data").close()
