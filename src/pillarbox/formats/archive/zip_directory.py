"""The central directory of a zip archive, as a stream of entries (APPNOTE.TXT 6.3 §4.3.12, §4.3.14-16, ZIP64)."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pillarbox.formats.archive.message import ArchiveError

_END = struct.Struct("<4s4HIIH")
_END64_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_EXTRA = struct.Struct("<HH")
_ZIP64_EXTRA = 0x0001
_TIMESTAMP_EXTRA = 0x5455
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """What the central directory says of one entry; `header_offset` is without what may stand before the archive."""

    name: str
    method: int
    encrypted: bool
    is_link: bool
    checksum: int
    packed_octets: int
    octets: int
    header_offset: int
    modified_at: datetime | None

    @property
    def is_file(self) -> bool:
        """Tell whether the entry is neither a directory nor a link."""
        return not self.is_link and not self.name.endswith(("/", "\\"))


class ZipDirectory:
    """Finds the central directory; raises ArchiveError if there is none. `shift` is what stands before the archive."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._start, self._octets, self.shift = self._locate()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the archive."""
        self._file.close()

    def _locate(self) -> tuple[int, int, int]:
        total = os.fstat(self._file.fileno()).st_size
        tail_at = max(0, total - _END.size - 0xFFFF)
        self._file.seek(tail_at)
        tail = self._file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise ArchiveError("the zip archive has no end record: it is incomplete")
        _, disk, first_disk, _, _, octets, offset, _ = _END.unpack_from(tail, at)
        end_at = tail_at + at
        found64 = self._locate64(end_at)
        if found64 is not None:
            octets, offset, end_at = found64
        elif disk != 0 or first_disk != 0:
            raise ArchiveError("a zip archive in several pieces cannot be read; join them first")
        start = end_at - octets
        if start < 0 or start < offset:
            raise ArchiveError("the zip archive's directory is damaged")
        return start, octets, start - offset

    def _locate64(self, end_at: int) -> tuple[int, int, int] | None:
        if end_at < _END64_LOCATOR.size + _END64.size:
            return None
        self._file.seek(end_at - _END64_LOCATOR.size - _END64.size)
        data = self._file.read(_END64.size + _END64_LOCATOR.size)
        if not data.startswith(b"PK\x06\x06") or not data.startswith(b"PK\x06\x07", _END64.size):
            return None
        octets, offset = _END64.unpack_from(data)[8:10]
        return octets, offset, end_at - _END64_LOCATOR.size - _END64.size

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order; a damaged rest raises ArchiveError."""
        at, end = self._start, self._start + self._octets
        while end - at >= _CENTRAL.size:
            self._file.seek(at)
            fixed = _CENTRAL.unpack(self._file.read(_CENTRAL.size))
            if fixed[0] != b"PK\x01\x02":
                raise ArchiveError("the zip archive's directory is damaged")
            name_octets, extra_octets, comment_octets = fixed[10:13]
            name = self._file.read(name_octets)
            extra = self._file.read(extra_octets)
            yield _entry(fixed, name, extra)
            at += _CENTRAL.size + name_octets + extra_octets + comment_octets


def _entry(fixed: tuple[int, ...], name: bytes, extra: bytes) -> Entry:
    _, made_by, _, flags, method, time, date, checksum, packed, octets, *_, attributes, offset = fixed
    extras = _extras(extra)
    packed, octets, offset = _widen(packed, octets, offset, extras.get(_ZIP64_EXTRA, b""))
    return Entry(
        name=_name(name),
        method=method,
        encrypted=bool(flags & 0x0041),
        is_link=made_by >> 8 == _UNIX and (attributes >> 28) == 0xA,
        checksum=checksum,
        packed_octets=packed,
        octets=octets,
        header_offset=offset,
        modified_at=_moment(date, time, extras.get(_TIMESTAMP_EXTRA, b"")),
    )


def _extras(extra: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while len(extra) - at >= _EXTRA.size:
        kind, octets = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        found.setdefault(kind, extra[at : at + octets])
        at += octets
    return found


def _widen(packed: int, octets: int, offset: int, extra: bytes) -> tuple[int, int, int]:
    numbers = iter(struct.unpack_from(f"<{min(len(extra) // 8, 3)}Q", extra))
    octets = next(numbers, octets) if octets == 0xFFFFFFFF else octets
    packed = next(numbers, packed) if packed == 0xFFFFFFFF else packed
    offset = next(numbers, offset) if offset == 0xFFFFFFFF else offset
    return packed, octets, offset


def _name(name: bytes) -> str:
    # many programs write UTF-8 without saying so in the flags; what is no UTF-8 is the original's CP437
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")


def _moment(date: int, time: int, timestamp: bytes) -> datetime | None:
    if len(timestamp) >= 5 and timestamp[0] & 1:
        seconds = int.from_bytes(timestamp[1:5], "little", signed=True)
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    if date <= 0x21:  # 1 January 1980, the start of this calendar, is what programs write that have no date
        return None
    try:
        return datetime(
            1980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            time >> 11,
            time >> 5 & 63,
            min(2 * (time & 31), 59),
            tzinfo=UTC,
        )
    except ValueError:
        return None
