"""Octets that nobody wants are deleted, and none that somebody comes to want at that very moment."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.uploads import sweep_files
from pillarbox.services.verify.run import verify
from pillarbox.storage import blob_sweep
from pillarbox.storage.blob import blob_id
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.database import BudgetExceeded
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from tests.directory_fixture import SetClock
from tests.support.mail_house import House

DATA = b"many octets"
ID = blob_id(DATA)
DAY, HOUR = 86_400, 3_600


class Watched(FileBlobs):
    """Notes in which thread it works, and fails when told to."""

    fails = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.threads: list[threading.Thread] = []

    def read(self, blob: str) -> bytes | None:
        self.threads.append(threading.current_thread())
        return super().read(blob)

    def _write(self, blob: str, data: bytes) -> None:
        self.threads.append(threading.current_thread())
        if self.fails:
            raise OSError("no room")
        super()._write(blob, data)

    def _write_file(self, blob: str, file: IO[bytes], size: int) -> None:
        raise AssertionError


@pytest.fixture
def house(tmp_path: Path) -> House:
    clock = SetClock()
    blobs = Watched(tmp_path / "blobs")
    return House(EmbeddedStore(tmp_path, clock=clock, limits=Limits(blob_inline_octets=4), blobs=blobs), clock)


def put(account: str = "a1") -> Callable[[Transaction], str]:
    return lambda tx: tx.put_blob(account, DATA, pending=True)


def forget(house: House) -> None:
    assert house.store.write(lambda tx: tx.drop_pending("a1", [ID])) == 1


def test_who_wants_marked_octets_again_gets_them(house: House) -> None:
    store, now = house.store, time.time() + 2 * DAY
    store.write(put())
    forget(house)
    assert sweep_files(store, now) == 0  # marked
    store.write(put())
    assert sweep_files(store, now + DAY) == 0
    assert store.read(lambda view: view.read_blob("a1", ID)) == DATA


def test_who_saw_octets_just_before_they_went_writes_them_anew(house: House) -> None:
    store, now = house.store, time.time() + 2 * DAY
    store.write(put())
    forget(house)
    sweep_files(store, now)
    store.blobs.write(ID, DATA)  # found where it is, and believed to be there for some minutes
    assert store.blobs.is_settled(ID)
    FileBlobs(store.folder / "blobs").remove(ID)  # by another node
    store.write(put())
    assert store.read(lambda view: view.read_blob("a1", ID)) == DATA


def test_a_deletion_whose_commit_fails_does_no_harm(house: House) -> None:
    store, now = house.store, time.time() + 2 * DAY

    def fail(tx: Transaction) -> None:
        assert blob_sweep.remove_marked(tx.db, store.blobs, int((now + HOUR) * 1000), 20) == (1, 1)
        raise OSError("power cut")

    store.write(put())
    forget(house)
    sweep_files(store, now)
    with pytest.raises(OSError, match="power"):
        store.write(fail)
    assert store.blobs.names() == []
    store.write(put())
    assert store.read(lambda view: view.read_blob("a1", ID)) == DATA
    assert sweep_files(store, now + DAY) == 0


def marks(store: Store) -> list[tuple[object, ...]]:
    return store.read(lambda view: view.db.rows("SELECT gone FROM unwanted_blob"))


def test_marks_go_an_hour_after_the_deletion(house: House) -> None:
    store, now = house.store, time.time() + 2 * DAY
    store.write(put())
    forget(house)
    assert [sweep_files(store, now + n * HOUR) for n in range(2)] == [0, 1]
    assert marks(store) == [(1,)]
    assert sweep_files(store, now + 2 * HOUR) == 0
    assert marks(store) == []


def test_a_write_that_cannot_be_stored_is_unavailable_and_leaves_nothing(house: House) -> None:
    blobs = house.store.blobs
    assert isinstance(blobs, Watched)
    blobs.fails = True
    with pytest.raises(Fault) as caught:
        house.store.write(put())
    assert caught.value.kind is Kind.UNAVAILABLE
    assert house.store.read(lambda view: view.blob_size("a1", ID)) is None
    assert blobs.names() == []
    assert verify(house.store).is_sound


def test_the_event_loop_never_waits_for_a_large_blob(house: House) -> None:
    store, blobs = house.store, house.store.blobs
    assert isinstance(store, EmbeddedStore)
    assert isinstance(blobs, Watched)
    message = b"Subject: long\r\n\r\n" + b"words " * 100

    async def body() -> None:
        bridge = EmbeddedBridge(store)
        email, other, small = await asyncio.gather(
            bridge.write(lambda tx: deliver(tx, "a1", message)),
            bridge.write(put()),
            bridge.write(lambda tx: tx.put_blob("a1", b"few")),
        )
        assert await bridge.read(lambda view: view.read_blob("a1", email.blob_id)) == message
        assert await bridge.read(lambda view: view.read_blob("a1", other)) == DATA
        assert await bridge.read(lambda view: view.read_blob("a1", small)) == b"few"
        await bridge.close()

    asyncio.run(body())
    assert len(blobs.threads) == 4
    assert threading.main_thread() not in blobs.threads


def test_octets_that_were_written_ahead_are_no_reason_to_wait(house: House) -> None:
    store = house.store
    assert isinstance(store, EmbeddedStore)
    with store.snapshot(1.0) as view, pytest.raises(BudgetExceeded):
        view.write_ahead(DATA)
    store.write_ahead(DATA)
    store.writer.begin()
    assert store.writer.run(put(), hurried=True) == ID
    store.writer.commit()
    assert store.read(lambda view: view.read_blob("a1", ID)) == DATA
