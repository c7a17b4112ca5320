"""What a client says first in TLS: which server it wants, and in which application protocols it would speak.

Sections: RFC 8446 §4.1.2, §4.2, §5.1; RFC 5246 §7.4.1.2 (the same form); RFC 6066 §3; RFC 7301 §3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_OCTETS = 16_384  # one that carries keys against quantum computers and a large ticket has some 4,000
_HANDSHAKE, _CLIENT_HELLO = 22, 1  # RFC 8446 §5.1, §4: the types of a record and of a message
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_MOST_IN_RECORD = 16_384
_MOST_RECORDS = 16  # one is usual; thousands of one octet each would only be work for us
_SERVER_NAME, _HOST_NAME, _PROTOCOLS = 0, 0, 16  # RFC 6066 §3; RFC 7301 §3.1


class NotTls(Exception):
    """This is no ClientHello, or one that nobody has to understand."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """`server_name` as the client wrote it, empty without one; `protocols` is None when it does not speak of them."""

    server_name: str = ""
    protocols: tuple[bytes, ...] | None = None


def parse_client_hello(octets: bytes) -> ClientHello | None:
    """What the first octets of a connection say; None when the rest is still to come. Raises NotTls."""
    message, at = b"", 0
    for _ in range(_MOST_RECORDS):
        payload = _record(octets, at)
        if payload is None:
            return None
        at += _RECORD_HEAD + len(payload)
        message += payload  # RFC 8446 §5.1: "Handshake messages MAY be ... fragmented across several records"
        if message[0] != _CLIENT_HELLO:
            raise NotTls("this message is no ClientHello")
        if len(message) >= _MESSAGE_HEAD:
            end = _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD])
            if end > MOST_OCTETS:
                raise NotTls("the ClientHello is too large")
            if len(message) >= end:
                return _read(memoryview(message)[_MESSAGE_HEAD:end])
    raise NotTls("the ClientHello is in too many pieces")


def _record(octets: bytes, at: int) -> bytes | None:
    """The payload of the record that begins there; None when it is not whole yet. Raises NotTls."""
    head = octets[at : at + _RECORD_HEAD]
    # The first octets are enough to see that somebody speaks something else. The version is 3.1 or 3.3; both mean less
    # than they say (RFC 8446 §5.1).
    if (head and head[0] != _HANDSHAKE) or (len(head) > 1 and head[1] != 3):
        raise NotTls("this is no TLS")
    if len(head) < _RECORD_HEAD:
        if at + _RECORD_HEAD > MOST_OCTETS:
            raise NotTls("the ClientHello is too large")
        return None
    length = int.from_bytes(head[3:])
    # RFC 8446 §5.1: "Implementations MUST NOT send zero-length fragments of Handshake types".
    if not 0 < length <= _MOST_IN_RECORD:
        raise NotTls("a record has a wrong length")
    start = at + _RECORD_HEAD
    if start + length > MOST_OCTETS:
        raise NotTls("the ClientHello is too large")
    return octets[start : start + length] if start + length <= len(octets) else None


def _read(body: memoryview) -> ClientHello:
    """The message's extensions. Raises NotTls where lengths contradict each other."""
    _, rest = _cut(body, 2 + 32)  # legacy_version and random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        _, rest = _vector(rest, size)
    if not rest:
        return ClientHello()  # RFC 5246 §7.4.1.2: there need be no extensions
    extensions, rest = _vector(rest, 2)
    if rest:
        raise NotTls("something follows the extensions")
    name, protocols = "", None
    for kind, data in _extensions(extensions):
        if kind == _SERVER_NAME:
            name = _host_name(data)
        elif kind == _PROTOCOLS:
            protocols = tuple(_names(data))
    return ClientHello(name, protocols)


def _extensions(rest: memoryview) -> Iterator[tuple[int, memoryview]]:
    seen = set()
    while rest:
        head, rest = _cut(rest, 2)
        data, rest = _vector(rest, 2)
        kind = int.from_bytes(head)
        # RFC 8446 §4.2: "There MUST NOT be more than one extension of the same type in a given extension block."
        if kind in seen:
            raise NotTls("an extension stands there twice")
        seen.add(kind)
        yield kind, data


def _host_name(data: memoryview) -> str:
    names, rest = _vector(data, 2)
    if rest:
        raise NotTls("something follows the names of servers")
    while names:
        kind, names = _cut(names, 1)
        name, names = _vector(names, 2)
        if kind[0] == _HOST_NAME:
            return bytes(name).decode("ascii", "replace")
    return ""


def _names(data: memoryview) -> Iterator[bytes]:
    names, rest = _vector(data, 2)
    if rest:
        raise NotTls("something follows the names of protocols")
    while names:
        name, names = _vector(names, 1)
        # RFC 7301 §3.1: "Empty strings MUST NOT be included".
        if not name:
            raise NotTls("a protocol has no name")
        yield bytes(name)


def _vector(data: memoryview, size: int) -> tuple[memoryview, memoryview]:
    """What stands behind its length of so many octets, and the rest (RFC 8446 §3.4)."""
    length, rest = _cut(data, size)
    return _cut(rest, int.from_bytes(length))


def _cut(data: memoryview, length: int) -> tuple[memoryview, memoryview]:
    if len(data) < length:
        raise NotTls("the message ends too early")
    return data[:length], data[length:]
