"""The records of a zip archive to be written, ZIP64 where sizes ask for it (APPNOTE.TXT 6.3 §4.3.7, §4.3.12-16)."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_END64_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4HIIH")
_UTF_8_NAME = 0x0800
_MADE_BY_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16
_MOST_16 = 0xFFFF
_MOST_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ZipRecord:
    """One file of the archive; octets are below 4 GiB, the offset may be beyond."""

    name: bytes
    method: int
    checksum: int
    packed_octets: int
    octets: int
    offset: int
    modified_at: datetime

    def local_to_bytes(self) -> bytes:
        """The header in front of the file's data."""
        extra = self._timestamp()
        sizes = (self.checksum, self.packed_octets, self.octets, len(self.name), len(extra))
        return _LOCAL.pack(b"PK\x03\x04", 20, _UTF_8_NAME, self.method, *self._dos_time(), *sizes) + self.name + extra

    def central_to_bytes(self) -> bytes:
        """The entry in the central directory."""
        extra = self._timestamp()
        far = self.offset >= _MOST_32
        if far:
            extra += struct.pack("<HHQ", 0x0001, 8, self.offset)
        version = 45 if far else 20
        fixed = _CENTRAL.pack(
            b"PK\x01\x02",
            _MADE_BY_UNIX | version,
            version,
            _UTF_8_NAME,
            self.method,
            *self._dos_time(),
            self.checksum,
            self.packed_octets,
            self.octets,
            len(self.name),
            len(extra),
            0,
            0,
            0,
            _REGULAR_FILE,
            min(self.offset, _MOST_32),
        )
        return fixed + self.name + extra

    def _timestamp(self) -> bytes:
        seconds = min(max(int(self.modified_at.timestamp()), 0), 0x7FFFFFFF)
        return struct.pack("<HHBi", 0x5455, 5, 1, seconds)

    def _dos_time(self) -> tuple[int, int]:
        at = self.modified_at.astimezone(UTC)
        if not 1980 <= at.year <= 2107:
            return 0, 0x21
        return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day


def end_to_bytes(entries: int, octets: int, offset: int) -> bytes:
    """The end of the archive, for a central directory of so many entries and octets at an offset."""
    end64 = b""
    if entries >= _MOST_16 or octets >= _MOST_32 or offset >= _MOST_32:
        version = _MADE_BY_UNIX | 45
        end64 = _END64.pack(b"PK\x06\x06", _END64.size - 12, version, 45, 0, 0, entries, entries, octets, offset)
        end64 += _END64_LOCATOR.pack(b"PK\x06\x07", 0, offset + octets, 1)
    count = min(entries, _MOST_16)
    return end64 + _END.pack(b"PK\x05\x06", 0, 0, count, count, min(octets, _MOST_32), min(offset, _MOST_32), 0)
