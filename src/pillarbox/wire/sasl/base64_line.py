"""Challenges and responses as the line-based protocols write them: Base64, and nothing but (RFC 4648 §3.3, §3.5)."""

from __future__ import annotations

import base64
import binascii

from pillarbox.wire.sasl.step import MAX_TOKEN, Malformed

# Room for the longest token, with what stands around it; a longer line is not worth decoding.
MAX_LINE = (MAX_TOKEN + 1_024) * 4 // 3


def decode(line: bytes) -> bytes:
    """The octets of a response, without its line end. Raises Malformed for all that an encoder would not write."""
    if len(line) > MAX_LINE:
        raise Malformed("the response is too long")
    try:
        octets = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the response is not Base64") from None
    # RFC 4648 §3.5: implementations may refuse pad bits that are not zero; then one text stands for one value.
    if base64.b64encode(octets) != line:
        raise Malformed("the response is not Base64 as it is written")
    return octets


def encode(octets: bytes) -> bytes:
    """A challenge as Base64, without a line end; empty for an empty one."""
    return base64.b64encode(octets)
