"""What a transaction carries, and why a server may not be given it.

RFC 5321 §2.3.8 (line ends), RFC 6152, RFC 6531, RFC 1870, RFC 8689, RFC 3461, RFC 6710, RFC 2852.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pillarbox.wire.smtp_client.capability import Capabilities
from pillarbox.wire.smtp_client.reply import Reply

_PIECE = 1 << 18
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00")


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address, and what its sender asked for (RFC 3461 §4.1, §4.2)."""

    address: str
    notify: str | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a message asks of every server on its way."""

    eight_bits: bool = False  # RFC 6152
    utf8_header: bool = False  # RFC 6532


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message and its envelope. `sender` "" is the null reverse-path.

    `deliver_by` is what follows BY= (RFC 2852 §4). `needs` is worked out once, however many servers are tried.
    `may_go` is asked before each piece of the content: whether it is still ours to send.
    """

    sender: str
    recipients: tuple[Recipient, ...]
    data: bytes
    ret: str | None = None
    envelope_id: str | None = None
    priority: int = 0
    deliver_by: str | None = None
    require_tls: bool = False
    needs: Needs = Needs()
    may_go: Callable[[], bool] = field(default=lambda: True, compare=False)


def needs_of(data: bytes) -> Needs:
    """Look through a message for octets that are not ASCII."""
    if data.isascii():
        return Needs()
    end = data.find(b"\r\n\r\n")
    return Needs(eight_bits=True, utf8_header=not data[: end if end >= 0 else len(data)].isascii())


def flaw(data: bytes) -> Reply | None:
    """Why a message may be sent to nobody.

    RFC 5321 §2.3.8: a bare CR or LF, which the next server may take for the end of the message, is never passed on.
    """
    # The three counts are some twenty times faster than the search, which only says where.
    pairs = data.count(b"\r\n")
    if data.count(b"\n") == pairs and data.count(b"\r") == pairs and b"\0" not in data:
        return None
    found = _BARE.search(data)
    at = found.start() if found is not None else 0
    return Reply(554, (f"5.6.0 the message has a bare CR, a bare LF or a NUL (octet {at}) and cannot be sent",))


def hindrance(parcel: Parcel, offered: Capabilities) -> Reply | None:
    """Why this server cannot be given the parcel, as a reply of our own; None when it can."""
    addresses = (parcel.sender, *(to.address for to in parcel.recipients))
    if "SMTPUTF8" not in offered:
        if not all(address.isascii() for address in addresses):
            # RFC 6531 §3.5: no downgrading on the way
            return Reply(553, ("5.6.7 the server does not take addresses that are not ASCII (no SMTPUTF8)",))
        if parcel.needs.utf8_header:
            return Reply(554, ("5.6.9 the server does not take a header that is not ASCII (no SMTPUTF8)",))
    if parcel.needs.eight_bits and "8BITMIME" not in offered:
        return Reply(554, ("5.6.3 the server takes only 7-bit mail (no 8BITMIME), and the message cannot be changed",))
    if offered.max_size is not None and len(parcel.data) > offered.max_size:
        return Reply(552, (f"5.3.4 the message has {len(parcel.data)} octets; the server takes {offered.max_size}",))
    if parcel.require_tls and "REQUIRETLS" not in offered:
        # RFC 8689 §4.2.1
        return Reply(554, ("5.7.30 the server does not promise to pass the message on with TLS only (REQUIRETLS)",))
    if parcel.deliver_by is not None and (late := _too_late(parcel.deliver_by, offered)) is not None:
        return late
    return None


def _too_late(deliver_by: str, offered: Capabilities) -> Reply | None:
    """Why a server cannot be given what is to come back unless it is delivered in time (RFC 2852 §4.1.5, §3)."""
    seconds, _, mode = deliver_by.partition(";")
    if not mode.upper().startswith("R"):
        return None
    if "DELIVERBY" not in offered:
        return Reply(554, ("5.3.3 the server does not promise to deliver in time or to return it (DELIVERBY)",))
    least = offered.least_seconds
    if int(seconds) < least:
        return Reply(554, (f"5.4.7 the server needs {least} seconds to deliver, and {seconds} are left",))
    return None


def stuffed(data: bytes) -> Iterator[bytes]:
    """A message in pieces as DATA carries it: dots doubled, and the end (RFC 5321 §4.5.2). It has no bare newline."""
    at, start = 0, True
    while at < len(data):
        piece = data[at : at + _PIECE]
        if piece.endswith(b"\r"):  # a CRLF stays in one piece
            piece = data[at : at + len(piece) + 1]
        at += len(piece)
        out = piece.replace(b"\r\n.", b"\r\n..")
        yield b"." + out if start and piece.startswith(b".") else out
        start = piece.endswith(b"\r\n")
    yield b".\r\n" if data.endswith(b"\r\n") or not data else b"\r\n.\r\n"
