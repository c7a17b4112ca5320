"""Objects: rows or octets, one after the other, compressed; each is named by the digest of what is stored."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from pillarbox.services.backup.manifest import ObjectRef
from pillarbox.services.backup.target import BackupError

T = TypeVar("T")
ROWS, PACK, INDEX = "rows", "packs", "index"
_LEVEL = 1  # mail is mostly base64, which stronger compression does not make much smaller
_LENGTH = 4
_encode = msgspec.msgpack.Encoder().encode


class DataItem(msgspec.Struct, frozen=True, array_like=True):
    """A blob's octets in a pack."""

    id: str
    data: bytes


def digest_of(data: bytes) -> str:
    """What an object with these octets is called."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def path_of(folder: str, name: str) -> str:
    """Where an object is."""
    return f"{folder}/{name[:2]}/{name}"


class Filling:
    """An object that is being filled: every item is its length in four octets, then MessagePack."""

    def __init__(self) -> None:
        self.raw = 0
        self.count = 0
        self._packer = zlib.compressobj(_LEVEL)
        self._parts: list[bytes] = []

    def add(self, item: Any) -> None:
        """Append an item."""
        self.add_encoded(_encode(item))

    def add_encoded(self, body: bytes) -> None:
        """Append an item that is encoded already."""
        for part in (len(body).to_bytes(_LENGTH, "big"), body):
            self._parts.append(self._packer.compress(part))
        self.raw += _LENGTH + len(body)
        self.count += 1

    def close(self) -> tuple[ObjectRef, bytes]:
        """The object, and what is to be stored."""
        data = b"".join((*self._parts, self._packer.flush()))
        return ObjectRef(digest_of(data), len(data), self.raw), data


class Reader(Generic[T]):
    """Reads items of a type from stored objects."""

    def __init__(self, type: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(type)

    def items(self, ref: ObjectRef, data: bytes) -> Iterator[T]:
        """The items of an object. Raises BackupError when it is not what its name says."""
        if len(data) != ref.size or digest_of(data) != ref.name:
            raise BackupError(f"the object {ref.name} is damaged: its digest is wrong")
        try:
            raw = memoryview(zlib.decompressobj().decompress(data, 0 if ref.raw is None else ref.raw + 1))
            if ref.raw is not None and len(raw) != ref.raw:
                raise BackupError(f"the object {ref.name} is damaged: its length is wrong")
            at = 0
            while at < len(raw):
                length = int.from_bytes(raw[at : at + _LENGTH], "big")
                at += _LENGTH + length
                yield self._decoder.decode(raw[at - length : at])
        except (zlib.error, msgspec.MsgspecError) as error:
            raise BackupError(f"the object {ref.name} is damaged: {error}") from None
