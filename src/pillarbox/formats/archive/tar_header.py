"""Headers of tar archives, with limits: a hostile header may claim names and extensions of gigabytes.

POSIX.1-2001 pax (ustar, extended headers `x` and `g`), GNU long names `L` and `K`, GNU sparse files (passed over).
"""

import math
from dataclasses import dataclass
from io import BufferedReader

from pillarbox.formats.archive.message import DamagedMember

BLOCK = 512
_MAX_EXTENSION_OCTETS = 1 << 18
_MAX_EXTENSIONS = 32
_MAX_SPARSE_BLOCKS = 1 << 16
_LATEST = 1 << 33  # seconds: the year 2242
_FILES = b"0\0007"
_WITHOUT_DATA = b"123456"


@dataclass(frozen=True, slots=True)
class TarHeader:
    """One member: its name, the octets that follow, seconds since 1970 (0: not known)."""

    name: str
    octets: int
    modified_at: float
    is_file: bool
    is_directory: bool


def is_tar(head: bytes) -> bool:
    """Tell whether octets are the start of a tar archive: the first header's checksum is right."""
    return len(head) >= BLOCK and head[:1] != b"\0" and _checksum_holds(head[:BLOCK])


def read_header(stream: BufferedReader) -> TarHeader | None:
    """Read the header of the next member, with its extensions; None at the end. Raises DamagedMember."""
    extensions: dict[str, str] = {}
    for _ in range(_MAX_EXTENSIONS):
        block = stream.read(BLOCK)
        if len(block) < BLOCK or not block.strip(b"\0"):
            return None
        if not _checksum_holds(block):
            raise DamagedMember("a header of the tar archive is damaged")
        kind = block[156:157]
        if kind in (b"x", b"L"):
            data = _extension(stream, _number(block[124:136]))
            extensions |= {"path": _text(data.rstrip(b"\0"))} if kind == b"L" else _pax(data)
        elif kind in (b"g", b"K"):
            _extension(stream, _number(block[124:136]))
        else:
            return _header(stream, block, extensions)
    raise DamagedMember("a member of the tar archive has too many headers")


def _header(stream: BufferedReader, block: bytes, extensions: dict[str, str]) -> TarHeader:
    kind = block[156:157]
    sparse = kind == b"S" or any(name.startswith("GNU.sparse.") for name in extensions)
    if kind == b"S":
        _skip_sparse_map(stream, extended=block[482] != 0)
    name = extensions.get("path") or _ustar_name(block)
    size = extensions.get("size", "")
    octets = int(size) if size.isascii() and size.isdigit() and len(size) < 19 else _number(block[124:136])
    is_directory = kind == b"5" or (kind in _FILES and name.endswith("/"))
    return TarHeader(
        name=name,
        octets=0 if kind in _WITHOUT_DATA else octets,
        modified_at=_seconds(extensions.get("mtime", ""), block),
        is_file=kind in _FILES and not sparse and not is_directory,
        is_directory=is_directory,
    )


def _extension(stream: BufferedReader, octets: int) -> bytes:
    if octets > _MAX_EXTENSION_OCTETS:
        raise DamagedMember("an extended header of the tar archive is too large")
    return stream.read(octets + -octets % BLOCK)[:octets]


def _pax(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        length, _, _ = data[at : at + 12].partition(b" ")
        if not length.isdigit() or int(length) <= len(length):
            break
        name, _, value = data[at + len(length) + 1 : at + int(length)].rstrip(b"\n").partition(b"=")
        found[_text(name)] = _text(value)
        at += int(length)
    return found


def _skip_sparse_map(stream: BufferedReader, *, extended: bool) -> None:
    for _ in range(_MAX_SPARSE_BLOCKS):
        if not extended:
            return
        block = stream.read(BLOCK)
        extended = len(block) == BLOCK and block[504] != 0
    raise DamagedMember("a sparse file in the tar archive has too many pieces")


def _ustar_name(block: bytes) -> str:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _seconds(pax: str, block: bytes) -> float:
    try:
        seconds = float(pax) if pax else float(_number(block[136:148]))
    except (ValueError, DamagedMember):
        return 0.0
    return seconds if math.isfinite(seconds) and 0 < seconds < _LATEST else 0.0


def _number(field: bytes) -> int:
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits and digits.strip(b"01234567"):
        raise DamagedMember("a number in the tar archive is damaged")
    return int(digits, 8) if digits else 0


def _checksum_holds(block: bytes) -> bool:
    field = block[148:156].strip(b" \0")
    if not field or field.strip(b"01234567"):
        return False
    return int(field, 8) == sum(block[:148]) + 8 * 0x20 + sum(block[156:])


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
