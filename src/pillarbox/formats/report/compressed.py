"""Reports that come compressed, by strangers: inflated within a size, a ratio and a number of files, once.

Sections: RFC 1951; RFC 1952; RFC 9990 §3.5.2; RFC 8460 §5.2.
"""

from __future__ import annotations

import re
import struct
import zlib

# Reports of the largest senders are some MB of XML.
MAX_REPORT = 25 * 1024 * 1024
# XML of reports is packed to a thirtieth; what is packed to less than a two hundredth is made to harm.
MAX_RATIO = 200
_FREE_OF_RATIO = 1024 * 1024
MAX_FILES = 5

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
# A file's header: signature, version, flags, method, time, date, CRC, packed, size, lengths of name and extra field.
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_NEXT = re.compile(rb"PK(?:\x03\x04|\x01\x02|\x05\x06)")
_DESCRIPTOR = 24


class RefusedReport(ValueError):
    """The octets are no report, or one that is not read for its dangers; the text says why."""


def report_octets(data: bytes) -> bytes:
    """The document in gzip, in zip, or as it is. Raises RefusedReport past the bounds, and for one packed twice."""
    if data.startswith(_GZIP):
        octets = _inflated(data, zlib.MAX_WBITS | 16)[0]
    elif data.startswith(_ZIP):
        octets = _from_zip(data)
    else:
        octets = data
        if len(octets) > MAX_REPORT:
            raise RefusedReport("the report is too large")
        return octets
    if octets.startswith((_GZIP, _ZIP)):
        raise RefusedReport("the report is packed twice")
    return octets


def _inflated(data: bytes, window: int) -> tuple[bytes, int]:
    """A whole stream, and how many octets it took."""
    decompressor = zlib.decompressobj(window)
    most = min(MAX_REPORT, max(_FREE_OF_RATIO, len(data) * MAX_RATIO))
    try:
        octets = decompressor.decompress(data, most + 1)
    except zlib.error as error:
        raise RefusedReport(f"the report is damaged: {error}") from None
    if len(octets) > most:
        raise RefusedReport("the report is too large when it is unpacked")
    if not decompressor.eof:
        raise RefusedReport("the report is cut off")
    return octets, len(data) - len(decompressor.unused_data)


def _from_zip(data: bytes) -> bytes:
    """The first file of an archive with something in it; its directory at the end is not asked."""
    position = 0
    for _ in range(MAX_FILES):
        if len(data) - position < _LOCAL.size or data[position : position + 4] != _ZIP:
            break
        octets, position = _zip_file(data, position)
        if octets:
            return octets
    raise RefusedReport("no report in the archive")


def _zip_file(data: bytes, position: int) -> tuple[bytes, int]:
    """The file whose header is there, and where the next one begins."""
    _, _, flags, method, _, _, _, packed, _, name, extra = _LOCAL.unpack_from(data, position)
    start = position + _LOCAL.size + name + extra
    if flags & 1:
        raise RefusedReport("the archive is encrypted")
    if method == 0 and not flags & 8:
        octets, end = data[start : start + packed], start + packed
        if len(octets) > MAX_REPORT:
            raise RefusedReport("the report is too large")
    elif method == 8:
        octets, taken = _inflated(data[start:], -zlib.MAX_WBITS)
        end = start + taken
    else:
        raise RefusedReport("the archive is packed in a way that reports are not")
    after = _NEXT.search(data, end, end + _DESCRIPTOR + 4)
    return octets, after.start() if after else len(data)
