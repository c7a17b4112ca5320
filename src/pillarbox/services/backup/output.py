"""What a running backup writes: rows and packs of bounded size, no faster than it may."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from pillarbox.services.backup.blob_index import BlobIndex, pack_entry
from pillarbox.services.backup.manifest import ObjectRef
from pillarbox.services.backup.object import INDEX, PACK, ROWS, DataItem, Filling
from pillarbox.services.backup.repository import Repository
from pillarbox.storage.dump.item import Item

_ROWS_OCTETS, _PACK_OCTETS = 4 << 20, 8 << 20
_PACKS_IN_INDEX = 64  # so much of the work at most is done again after a backup was killed
_encode = msgspec.msgpack.Encoder().encode


class Pace:
    """Holds a stream of octets to a rate."""

    def __init__(self, octets_per_second: int | None, sleep: Callable[[float], None] = time.sleep) -> None:
        self._rate = octets_per_second
        self._sleep = sleep
        self.octets = 0

    def passed(self, octets: int) -> None:
        """So many octets were written: wait as long as that may take."""
        self.octets += octets
        if self._rate:
            self._sleep(octets / self._rate)


class Output:
    """Fills objects and stores them when they are full."""

    def __init__(self, repository: Repository, index: BlobIndex, pace: Pace) -> None:
        self._repository, self._index, self._pace = repository, index, pace
        self.objects: list[ObjectRef] = []  # of rows, in the order in which they were written
        self.by_account: dict[str, list[int]] = {}
        self.counts: dict[str, int] = {}
        self.used: set[str] = set()  # the packs of the blobs that were asked for
        self._rows, self._pack = Filling(), Filling()
        self._in_rows: set[str] = set()
        self._in_pack: dict[str, int] = {}
        self._entries, self._waiting = Filling(), 0

    @property
    def packs(self) -> list[ObjectRef]:
        """All packs of the repository."""
        return self._index.packs

    @property
    def octets(self) -> int:
        """How many octets were stored."""
        return self._pace.octets

    def has(self, blob: str) -> bool:
        """Whether the repository has the blob, or is about to. The pack it is in belongs to this backup then."""
        if blob in self._in_pack:
            return True
        number = self._index.find(blob)
        if number is None:
            return False
        self.used.add(self._index.packs[number].name)
        return True

    def add_row(self, item: Item) -> None:
        """Write a row."""
        self._rows.add_encoded(_encode(item))
        self._in_rows.add(item.account)
        self.counts[item.account] = self.counts.get(item.account, 0) + 1
        if self._rows.raw >= _ROWS_OCTETS:
            self._close_rows()

    def add_blob(self, blob: str, data: bytes) -> None:
        """Write a blob's octets."""
        if self._pack.raw and self._pack.raw + len(data) > _PACK_OCTETS:
            self._close_pack()
        self._pack.add(DataItem(blob, data))
        self._in_pack[blob] = len(data)

    def restart(self, account: str) -> None:
        """Let what was written of an account be nothing: it is written again."""
        self._close_rows()
        self.by_account.pop(account, None)
        self.counts.pop(account, None)

    def close(self) -> None:
        """Store what is not full."""
        self._close_rows()
        self._close_pack()
        self._close_index()

    def _close_rows(self) -> None:
        if not self._rows.count:
            return
        for account in self._in_rows:
            self.by_account.setdefault(account, []).append(len(self.objects))
        self.objects.append(self._put(ROWS, self._rows))
        self._rows, self._in_rows = Filling(), set()

    def _close_pack(self) -> None:
        if not self._pack.count:
            return
        ref = self._put(PACK, self._pack)
        self.used.add(ref.name)
        self._index.add(ref, self._in_pack)
        self._entries.add(pack_entry(ref, self._in_pack))
        self._waiting += 1
        self._pack, self._in_pack = Filling(), {}
        if self._waiting >= _PACKS_IN_INDEX:
            self._close_index()

    def _close_index(self) -> None:
        if self._waiting:
            self._put(INDEX, self._entries)
            self._entries, self._waiting = Filling(), 0

    def _put(self, folder: str, filling: Filling) -> ObjectRef:
        ref = self._repository.put(folder, filling)
        self._pace.passed(ref.size)
        return ref
