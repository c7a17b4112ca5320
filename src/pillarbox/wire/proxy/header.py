"""Reads the header that a proxy sends before anything else, in either version of the PROXY protocol.

The specification is HAProxy's "The PROXY protocol", §2.1 and §2.2.
"""

from __future__ import annotations

import ipaddress
import re
import struct

import msgspec

MOST_OCTETS = 4_096  # of either version; what proxies add beside addresses is small
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED = struct.Struct("!12sBBH")
_LONGEST_LINE = 107  # with its CRLF
_LINE = re.compile(rb"PROXY (TCP4|TCP6) ([0-9A-Fa-f.:]{2,45}) ([0-9A-Fa-f.:]{2,45}) ([0-9]{1,5}) ([0-9]{1,5})\Z")
# Families of version 2, TCP over each: the struct of both addresses and both ports.
_FAMILIES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}


class NotProxy(Exception):
    """What came is no such header."""


class End(msgspec.Struct, frozen=True):
    """One end of a connection."""

    address: str
    port: int


class Header(msgspec.Struct, frozen=True):
    """Who connected to whom; None for both when the proxy speaks for itself or does not know. `size` in octets."""

    size: int
    source: End | None = None
    destination: End | None = None


def parse_header(octets: bytes) -> Header | None:
    """The header at the beginning of what was received; None as long as it is not complete. Raises NotProxy."""
    if octets.startswith(_SIGNATURE[: len(octets)]):
        return _binary(octets)
    if octets.startswith(b"PROXY "[: len(octets)]):
        return _line(octets)
    raise NotProxy("it begins with something else")


def _line(octets: bytes) -> Header | None:
    end = octets.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(octets) >= _LONGEST_LINE:
            raise NotProxy("the line is too long")
        return None
    line, size = octets[:end], end + 2
    if line.startswith(b"PROXY UNKNOWN") and line[13:14] in {b"", b" "}:
        return Header(size)
    found = _LINE.match(line)
    if found is None:
        raise NotProxy("the line is malformed")
    version = 4 if found[1] == b"TCP4" else 6
    return Header(size, _end(found[2], found[4], version), _end(found[3], found[5], version))


def _end(address: bytes, port: bytes, version: int) -> End:
    try:
        parsed = ipaddress.ip_address(address.decode("ascii"))
    except ValueError:
        raise NotProxy("an address is malformed") from None
    if parsed.version != version or int(port) > 65_535:
        raise NotProxy("an address or a port is malformed")
    return End(str(parsed), int(port))


def _binary(octets: bytes) -> Header | None:
    if len(octets) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(octets)
    if command >> 4 != 2 or command & 15 > 1:
        raise NotProxy("the version or the command is unknown")
    size = _FIXED.size + length
    if size > MOST_OCTETS:
        raise NotProxy("the header is too long")
    if len(octets) < size:
        return None
    layout = _FAMILIES.get(family)
    if command & 15 == 0 or layout is None:  # LOCAL, or a family that we do not speak: the proxy's own address counts
        return Header(size)
    if length < layout.size:
        raise NotProxy("the addresses are cut short")
    source, destination, source_port, destination_port = layout.unpack_from(octets, _FIXED.size)
    return Header(
        size,
        End(str(ipaddress.ip_address(source)), source_port),
        End(str(ipaddress.ip_address(destination)), destination_port),
    )
