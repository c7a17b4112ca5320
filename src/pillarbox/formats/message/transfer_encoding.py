"""Chooses and applies a content transfer encoding, so that the content comes back octet for octet.

Sections: RFC 2045 §2.7-§2.9, §6; RFC 2046 §5.2.1; RFC 6532 §3.6.
"""

import binascii
import re

SEVEN_BIT, EIGHT_BIT, BINARY = "7bit", "8bit", "binary"
QUOTED_PRINTABLE, BASE64 = "quoted-printable", "base64"

# 998 octets and the CR are the most before a LF (RFC 2045 §2.7).
_LONG_LINE = re.compile(rb"[^\n]{1000}")
_BREAK = re.compile(rb"\r\n|\r|\n")
_LITERAL = bytes(range(33, 61)) + bytes(range(62, 127)) + b" \t\r\n"
_BASE64_LINE = 76


def encode_content(content: bytes, media_type: str) -> tuple[str, bytes]:
    """The transfer encoding for content of that type, and the encoded octets (RFC 2045 §6).

    7bit if the content is plain short lines; quoted-printable for text with CRLF of which three quarters are ASCII,
    since that stays readable at about the size of base64; base64 for all else. What RFC 2046 §5.2.1 forbids to encode
    goes through `encode_message`.
    """
    if media_type.startswith("message/") and not media_type.startswith("message/global"):
        return encode_message(content)
    if is_lines(content) and content.isascii():
        return SEVEN_BIT, content
    is_readable = len(content.translate(None, _LITERAL)) * 4 <= len(content)
    if is_readable and media_type.startswith("text/") and has_only_crlf(content):
        return QUOTED_PRINTABLE, quoted_printable(content)
    return BASE64, base64_lines(content)


def encode_message(content: bytes) -> tuple[str, bytes]:
    """An enclosed message, as 7bit, 8bit or binary.

    RFC 2046 §5.2.1: "No encoding other than "7bit", "8bit", or "binary" is permitted". Its line breaks are made CRLF:
    a bare one could not be sent (RFC 5321 §2.3.8).
    """
    if not has_only_crlf(content):
        content = _BREAK.sub(b"\r\n", content)
    return identity_of(content), content


def identity_of(content: bytes) -> str:
    """Which of 7bit, 8bit and binary content is, as it stands (RFC 2045 §2.7-§2.9)."""
    if not is_lines(content):
        return BINARY
    return SEVEN_BIT if content.isascii() else EIGHT_BIT


def has_only_crlf(content: bytes) -> bool:
    """Whether every CR is followed by LF and every LF preceded by CR."""
    pairs = content.count(b"\r\n")
    return content.count(b"\n") == pairs and content.count(b"\r") == pairs


def is_lines(content: bytes) -> bool:
    """Whether the content is lines of at most 998 octets and CRLF, without NUL (RFC 2045 §2.7, §2.8)."""
    last = len(content) - content.rfind(b"\n") - 1
    return last <= 998 and b"\0" not in content and has_only_crlf(content) and not _LONG_LINE.search(content)


def quoted_printable(content: bytes) -> bytes:
    """Text with CRLF line breaks in quoted-printable, lines of at most 76, breaks kept as breaks (RFC 2045 §6.7)."""
    encoded = binascii.b2a_qp(content, quotetabs=False, istext=True)
    # Without a line break to copy, the library ends soft-broken lines with a bare LF.
    return encoded if b"\n" in content else encoded.replace(b"\n", b"\r\n")


def base64_lines(content: bytes) -> bytes:
    """The content in base64, lines of 76, each with CRLF (RFC 2045 §6.8)."""
    encoded = binascii.b2a_base64(content, newline=False)
    if not encoded:
        return b""
    return b"\r\n".join(encoded[at : at + _BASE64_LINE] for at in range(0, len(encoded), _BASE64_LINE)) + b"\r\n"
