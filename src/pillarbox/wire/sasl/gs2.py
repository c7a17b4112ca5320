"""The GS2 header, with which SCRAM and OAUTHBEARER begin: channel binding, and whom to act as (RFC 5801 §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pillarbox.wire.sasl.step import MAX_NAME, Malformed, text_of

# "n" does not know channel binding; "y" does, but thinks that the server does not; "p=NAME" uses it.
_HEADER = re.compile(rb"(n|y|p=([A-Za-z0-9.-]{1,64})),(?:a=([^,\x00]{1,%d}))?," % (3 * MAX_NAME))
_ESCAPE = re.compile(r"=(2C|3D)?")


@dataclass(frozen=True, slots=True)
class Header:
    """A GS2 header, as it is read."""

    octets: bytes
    flag: str  # n, y or p
    binding: str = ""  # the type of channel binding, after p=
    authorization: str = ""


def parse_header(message: bytes) -> Header:
    """The header at the start of a message. Raises Malformed."""
    found = _HEADER.match(message)
    if found is None:
        raise Malformed("the message does not begin with a GS2 header")
    authorization = parse_name(found[3]) if found[3] is not None else ""
    binding = found[2].decode() if found[2] is not None else ""
    return Header(found[0], found[1][:1].decode(), binding, authorization)


def parse_name(octets: bytes) -> str:
    """A saslname. Raises Malformed."""
    if len(octets) > 3 * MAX_NAME:
        raise Malformed("a name is too long")
    text = octets.decode("utf-8", "replace")
    # RFC 5802 §5.1: "If the server receives a username that contains '=' not followed by either '2C' or '3D', then the
    # server MUST fail the authentication."
    if any(found[1] is None for found in _ESCAPE.finditer(text)):
        raise Malformed("an equals sign in a name is written =3D")
    return text_of(octets.replace(b"=2C", b",").replace(b"=3D", b"="), MAX_NAME)


def name_to_bytes(name: str) -> bytes:
    """A name as a saslname."""
    return name.replace("=", "=3D").replace(",", "=2C").encode()
