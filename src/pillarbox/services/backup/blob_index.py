"""Which pack has which blob: sorted entries of fixed length in one array, some 40 octets a blob."""

from __future__ import annotations

import base64
import heapq
from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping

import msgspec

from pillarbox.services.backup.manifest import ObjectRef

_DIGEST = 20  # of a blob's id
_WIDTH = _DIGEST + 4 + 8  # the digest, the pack's number, the blob's size


class PackEntry(msgspec.Struct, frozen=True, array_like=True):
    """A pack in an index object, with the ids (as digests, joined) and sizes of the blobs in it."""

    pack: ObjectRef
    digests: bytes
    sizes: list[int]


def _digest(blob: str) -> bytes:
    return base64.b32hexdecode(blob[1:].upper())


def _id(digest: bytes) -> str:
    return "b" + base64.b32hexencode(digest).decode("ascii").lower()


def pack_entry(pack: ObjectRef, blobs: Mapping[str, int]) -> PackEntry:
    """The entry of a pack that has blobs with these sizes."""
    return PackEntry(pack, b"".join(map(_digest, blobs)), list(blobs.values()))


class BlobIndex:
    """Finds blobs in packs."""

    def __init__(self) -> None:
        self.packs: list[ObjectRef] = []
        self._sorted = b""
        self._fresh: dict[bytes, int] = {}

    def load(self, entries: Iterator[PackEntry], present: Container[str]) -> None:
        """Take over what index objects say, as far as the packs are there."""
        known: set[str] = set()
        runs = []
        for entry in entries:
            if entry.pack.name in known or entry.pack.name not in present:
                continue
            known.add(entry.pack.name)
            runs.append(sorted(_entries(entry, len(self.packs))))
            self.packs.append(entry.pack)
        self._sorted = b"".join(heapq.merge(*runs))

    def add(self, pack: ObjectRef, blobs: Mapping[str, int]) -> None:
        """Note a pack that was written."""
        self._fresh.update(dict.fromkeys(map(_digest, blobs), len(self.packs)))
        self.packs.append(pack)

    def find(self, blob: str) -> int | None:
        """The number of the pack that has the blob."""
        digest = _digest(blob)
        fresh = self._fresh.get(digest)
        if fresh is not None:
            return fresh
        at = bisect_left(range(len(self._sorted) // _WIDTH), digest, key=self._key) * _WIDTH
        if self._sorted[at : at + _DIGEST] != digest:
            return None
        return int.from_bytes(self._sorted[at + _DIGEST : at + _DIGEST + 4], "big")

    def _key(self, number: int) -> bytes:
        return self._sorted[number * _WIDTH : number * _WIDTH + _DIGEST]

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """(blob, pack's number, size) of all that was loaded."""
        for at in range(0, len(self._sorted), _WIDTH):
            entry = self._sorted[at : at + _WIDTH]
            pack, size = entry[_DIGEST : _DIGEST + 4], entry[_DIGEST + 4 :]
            yield _id(entry[:_DIGEST]), int.from_bytes(pack, "big"), int.from_bytes(size, "big")

    def forget(self, packs: set[int]) -> None:
        """Act as if these packs were not there."""
        data, view = bytearray(), memoryview(self._sorted)
        for at in range(0, len(self._sorted), _WIDTH):
            if int.from_bytes(view[at + _DIGEST : at + _DIGEST + 4], "big") not in packs:
                data += view[at : at + _WIDTH]
        self._sorted = bytes(data)


def _entries(entry: PackEntry, number: int) -> Iterator[bytes]:
    for place, size in enumerate(entry.sizes):
        digest = entry.digests[place * _DIGEST : (place + 1) * _DIGEST]
        yield digest + number.to_bytes(4, "big") + size.to_bytes(8, "big")
