"""Base 64 in the URL-safe alphabet without padding, as keys and tokens are written (RFC 4648 §5, RFC 7515 §2)."""

from __future__ import annotations

import base64
import binascii


def encode(data: bytes) -> str:
    """The octets as text, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The octets; padding and the other alphabet are taken too, since clients send both. Raises ValueError."""
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("not base64url") from None
