"""Content transfer encodings undone, leniently, and the decoded size without keeping the result.

RFC 2045 §6.4 to §6.8; uuencode as mail of the nineties used it.
"""

import binascii
import re
from collections.abc import Callable

IDENTITY = frozenset({"7bit", "8bit", "binary"})
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_ALPHABET = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_MAX_SEGMENTS = 1000
_CHUNK = 1 << 20

_LINE_PADDING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
_LONE_SOFT_CR = re.compile(rb"=\r(?!\n)")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\n]*\n", re.MULTILINE)


def decode_base64(octets: bytes) -> bytes:
    """Octets of base64 (RFC 2045 §6.8): junk between, missing padding and a cut end are forgiven.

    Several encoded pieces after each other are all decoded; plain text after the padding, such as a mailing list's
    footer, is not taken for base64.
    """
    return b"".join(map(_decode_segment, _base64_segments(octets)))


def _base64_segments(octets: bytes) -> list[bytes]:
    """The runs of alphabet characters between paddings."""
    padding = octets.find(b"=")
    head = octets[: padding if padding >= 0 else None].translate(None, _NOT_ALPHABET)
    if padding < 0:
        return [head]
    if len(head) % 4 < 2:
        # No padding can stand there: it is junk like any other.
        return [octets.translate(None, _NOT_ALPHABET)]
    rest = octets[padding:].translate(None, b"\r\n")
    if (len(head) + len(rest)) % 4 or rest.translate(None, _ALPHABET + b"="):
        return [head]
    segments = rest.split(b"=", _MAX_SEGMENTS)
    segments[-1] = segments[-1].translate(None, b"=")
    return [head, *(segment for segment in segments if segment)]


def _decode_segment(segment: bytes) -> bytes:
    spare = len(segment) % 4
    if spare == 1:
        segment = segment[:-1]
    return binascii.a2b_base64(segment + b"==" if spare > 1 else segment)


def _base64_size(data: bytes, start: int, end: int) -> int:
    padding = data.find(b"=", start, end)
    if padding >= 0 and data[padding:end].translate(None, _NOT_ALPHABET):
        return sum(len(segment) * 3 // 4 for segment in _base64_segments(data[start:end]))
    # Counted piece by piece, so that a large attachment is not copied whole.
    pieces = (data[at : min(at + _CHUNK, end)] for at in range(start, end, _CHUNK))
    return sum(len(piece.translate(None, _NOT_ALPHABET)) for piece in pieces) * 3 // 4


def decode_quoted_printable(octets: bytes) -> bytes:
    """Octets of quoted-printable (RFC 2045 §6.7); what is no valid escape stays as it stands.

    White space at the end of a line "must be deleted": gateways put it there.
    """
    if b" \n" in octets or b" \r\n" in octets or b"\t\n" in octets or b"\t\r\n" in octets:
        octets = _LINE_PADDING.sub(b"", octets)
    if b"=\r" in octets and _LONE_SOFT_CR.search(octets):
        octets = _LONE_SOFT_CR.sub(b"=3D\r", octets)  # the C decoder would skip to the next LF
    return binascii.a2b_qp(octets)


def decode_uuencode(octets: bytes) -> bytes:
    """The file in a uuencoded part, between `begin` and `end`; malformed lines are skipped."""
    begin = _UU_BEGIN.search(octets)
    decoded: list[bytes] = []
    for line in octets[begin.end() if begin else 0 :].splitlines():
        if line.strip() == b"end":
            break
        decoded.append(_decode_uu_line(line))
    return b"".join(decoded)


def _decode_uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        needed = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
        try:
            return binascii.a2b_uu(line[:needed])
        except binascii.Error:
            return b""


_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "base64": decode_base64,
    "quoted-printable": decode_quoted_printable,
    "x-uuencode": decode_uuencode,
    "x-uu": decode_uuencode,
    "uuencode": decode_uuencode,
}


def is_known(encoding: str) -> bool:
    """Whether the encoding can be undone (or is none at all)."""
    return encoding in IDENTITY or encoding in _DECODERS


def decode_transfer(octets: bytes, encoding: str) -> bytes:
    """The content of a part, its transfer encoding undone.

    "If the transfer encoding is unknown, it is treated as though it had no transfer encoding" (RFC 8621 §4.1.4).
    """
    decoder = _DECODERS.get(encoding)
    return octets if decoder is None else decoder(octets)


def decoded_size(data: bytes, start: int, end: int, encoding: str) -> int:
    """The number of octets that `decode_transfer` would give for `data[start:end]`."""
    if encoding not in _DECODERS:
        return end - start
    if encoding == "base64":
        return _base64_size(data, start, end)
    return len(decode_transfer(data[start:end], encoding))
