"""Mechanisms that send a bearer token: OAUTHBEARER, and XOAUTH2, its forerunner that more clients know.

RFC 7628; developers.google.com/gmail/imap/xoauth2-protocol.
"""

from __future__ import annotations

import json
import re

from pillarbox.wire.sasl import gs2
from pillarbox.wire.sasl.step import MAX_NAME, MAX_TOKEN, Challenge, Machine, Malformed, Refused, Token, text_of

_MAX_MESSAGE = MAX_TOKEN + 1_000
_PAIR = re.compile(rb"([A-Za-z]{1,32})=([\x09\x0a\x0d\x20-\x7e]*)\Z")  # RFC 7628 §3.1: kvpair
_BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]{1,%d}=*)\Z" % MAX_TOKEN, re.IGNORECASE)  # RFC 6750 §2.1
_END = b"\x01\x01"


def oauthbearer(initial: bytes | None = None) -> Machine:
    """OAUTHBEARER: a GS2 header, and key=value pairs each ended by ^A (RFC 7628 §3.1)."""
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    if len(message) > _MAX_MESSAGE:
        raise Malformed("the message is too long")
    header = gs2.parse_header(message)
    if header.flag == "p":
        raise Malformed("OAUTHBEARER has no channel binding")
    rest = message[len(header.octets) :]
    if not rest.startswith(b"\x01"):
        raise Malformed("the pairs begin with ^A")
    refusal: str | None = yield Token(_token_of(_pairs(rest[1:])), header.authorization)
    if refusal is not None:
        # RFC 7628 §3.2.3: the client answers the error with ^A, and only then does the exchange fail.
        yield Challenge(json.dumps({"status": refusal}).encode())
        raise Refused


def xoauth2(initial: bytes | None = None) -> Machine:
    """XOAUTH2: `user=NAME ^A auth=Bearer TOKEN ^A ^A`."""
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    if len(message) > _MAX_MESSAGE:
        raise Malformed("the message is too long")
    user, _, rest = message.partition(b"\x01")
    if not user.startswith(b"user="):
        raise Malformed("the message begins with user=")
    authorization = text_of(user[5:], MAX_NAME)
    refusal: str | None = yield Token(_token_of(_pairs(rest)), authorization)
    if refusal is not None:
        yield Challenge(json.dumps({"status": "401", "schemes": "bearer"}).encode())
        raise Refused


def _pairs(octets: bytes) -> dict[bytes, bytes]:
    if octets == b"\x01":
        return {}
    if not octets.endswith(_END):
        raise Malformed("the message ends with two ^A")
    pairs: dict[bytes, bytes] = {}
    for pair in octets[:-2].split(b"\x01"):
        found = _PAIR.match(pair)
        if found is None or found[1] in pairs:
            raise Malformed("a pair is KEY=VALUE, each key once")
        pairs[found[1]] = found[2]
    return pairs


def _token_of(pairs: dict[bytes, bytes]) -> str:
    """The token; empty, which is nobody's, when there is none: so a client asks what it would need (RFC 7628 §4.3)."""
    found = _BEARER.match(pairs.get(b"auth", b""))
    return found[1].decode() if found is not None else ""
