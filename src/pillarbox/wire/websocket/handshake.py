"""The opening handshake: what a client's request has to say, and the answer to it (RFC 6455 §4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = "13"


def accept_key(key: str) -> bytes:
    """The value of Sec-WebSocket-Accept. Raises ValueError when the key is not 16 octets in Base64."""
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:
        raise ValueError("Sec-WebSocket-Key is no nonce of 16 octets")
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest())


def tokens(value: str) -> list[str]:
    """The items of a comma-separated header."""
    return [item.strip() for item in value.split(",") if item.strip()]


def is_upgrade(connection: str, upgrade: str) -> bool:
    """Whether the headers Connection and Upgrade ask for a WebSocket (RFC 6455 §4.2.1)."""
    return "upgrade" in (t.lower() for t in tokens(connection)) and "websocket" in (t.lower() for t in tokens(upgrade))
