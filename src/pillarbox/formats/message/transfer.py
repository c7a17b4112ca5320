"""Content transfer encodings undone, leniently, and the decoded size without keeping the result.

RFC 2045 §6.4 to §6.8; uuencode as mail of the nineties used it.
"""

import binascii
import itertools
import re
from collections.abc import Callable, Iterator

IDENTITY = frozenset({"7bit", "8bit", "binary"})
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_ALPHABET = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_MAX_SEGMENTS = 1000
# What one call into the interpreter's C code is given: it lets no other thread run before it is done.
_CHUNK = 1 << 20
_MAX_UU_LINES, _MAX_UU_MALFORMED = 2_000_000, 10_000

_LINE_PADDING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n)")
_LONE_SOFT_CR = re.compile(rb"=\r(?!\n)")
# Between two octets that are no part of an escape or of white space that a line end could follow.
_QP_CUT = re.compile(rb"[^=][^= \t\r]", re.DOTALL)
_UU_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\n]*\n")
_UU_LINE = re.compile(rb"[^\r\n]+")


def decode_base64(octets: bytes) -> bytes:
    """Octets of base64 (RFC 2045 §6.8): junk between, missing padding and a cut end are forgiven.

    Several encoded pieces after each other are all decoded; plain text after the padding, such as a mailing list's
    footer, is not taken for base64.
    """
    return b"".join(map(_decode_segment, _base64_segments(octets)))


def _base64_segments(octets: bytes) -> list[bytes]:
    """The runs of alphabet characters between paddings."""
    padding = octets.find(b"=")
    head = _letters(octets[: padding if padding >= 0 else None])
    if padding < 0:
        return [head]
    if len(head) % 4 < 2:
        # No padding can stand there: it is junk like any other.
        return [_letters(octets)]
    rest = octets[padding:].translate(None, b"\r\n")
    if (len(head) + len(rest)) % 4 or rest.translate(None, _ALPHABET + b"="):
        return [head]
    segments = rest.split(b"=", _MAX_SEGMENTS)
    segments[-1] = segments[-1].translate(None, b"=")
    return [head, *(segment for segment in segments if segment)]


def _letters(octets: bytes) -> bytes:
    """The characters of the alphabet, without anything else."""
    return b"".join(piece.translate(None, _NOT_ALPHABET) for piece in _pieces(octets))


def _pieces(octets: bytes) -> Iterator[bytes]:
    if len(octets) <= _CHUNK:
        return iter((octets,))
    return (octets[at : at + _CHUNK] for at in range(0, len(octets), _CHUNK))


def _decode_segment(segment: bytes) -> bytes:
    spare = len(segment) % 4
    if spare == 1:
        segment = segment[:-1]
    return b"".join(map(binascii.a2b_base64, _pieces(segment + b"==" if spare > 1 else segment)))


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
    return b"".join(map(_decode_qp_piece, _qp_pieces(octets, _CHUNK)))


def _qp_pieces(octets: bytes, size: int) -> Iterator[bytes]:
    """The octets in pieces of about this size that can be decoded one by one."""
    start = 0
    while len(octets) - start > size and (cut := _QP_CUT.search(octets, start + size)) is not None:
        yield octets[start : cut.end()]
        start = cut.end()
    yield octets[start:]


def _decode_qp_piece(octets: bytes) -> bytes:
    if b" \n" in octets or b" \r\n" in octets or b"\t\n" in octets or b"\t\r\n" in octets:
        octets = _LINE_PADDING.sub(b"", octets)
    if b"=\r" in octets and _LONE_SOFT_CR.search(octets):
        octets = _LONE_SOFT_CR.sub(b"=3D\r", octets)  # the C decoder would skip to the next LF
    return binascii.a2b_qp(octets)


def decode_uuencode(octets: bytes) -> bytes:
    """The file in a uuencoded part, between `begin` and `end`; malformed lines are skipped, up to some thousands.

    Read line by line and never split as a whole: fifty million octets of short lines are gigabytes of objects.
    """
    decoded: list[bytes] = []
    malformed = 0
    for found in itertools.islice(_UU_LINE.finditer(octets, _uu_start(octets)), _MAX_UU_LINES):
        line = found[0]
        if line[:3] == b"end" and line.strip() == b"end":
            break
        data = _decode_uu_line(line)
        malformed += not data
        if malformed > _MAX_UU_MALFORMED:
            break
        decoded.append(data)
    return b"".join(decoded)


def _uu_start(octets: bytes) -> int:
    """Where the first line after `begin` is; 0 when there is no such line near enough to the start."""
    at = -1
    for _ in range(_MAX_UU_MALFORMED):
        if (begin := _UU_BEGIN.match(octets, at + 1)) is not None:
            return begin.end()
        at = octets.find(b"\nbegin ", at + 1)
        if at < 0:
            break
    return 0


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
