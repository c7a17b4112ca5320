"""Blob ids of body parts: a reference into the message's octets instead of a second copy of them.

`<blob id of the message>-<start>-<length>-<encoding>`, where the letter tells the transfer encoding: `i` identity, `b`
base64, `q` quoted-printable, `u` uuencode. RFC 8621 §4.1.4 (blobId), RFC 8620 §1.2 (alphabet and length of ids).
"""

import re
from collections.abc import Sequence

import msgspec

from pillarbox.formats.message import transfer
from pillarbox.formats.message.structure import Part

MAX_SLICES = 4
MAX_LENGTH = 255
_LETTERS = {"base64": "b", "quoted-printable": "q", "x-uuencode": "u", "x-uu": "u", "uuencode": "u"}
_ENCODINGS = {"i": "binary", "b": "base64", "q": "quoted-printable", "u": "x-uuencode"}
_NUMBER = r"(?:0|[1-9][0-9]{0,15})"
_BLOB_ID = re.compile(rf"([a-z0-9]+)((?:-{_NUMBER}-{_NUMBER}-[ibqu])*)", re.ASCII)
_SLICE = re.compile(r"-([0-9]+)-([0-9]+)-([ibqu])")


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """A range of octets, and the letter of the transfer encoding to undo in it."""

    start: int
    length: int
    letter: str


SliceRef = tuple[str, tuple[Slice, ...]]


def part_blob_id(message_blob_id: str, part: Part) -> str | None:
    """The blob id of a part's content; None for a multipart, and for what no id of 255 octets can name.

    A message that is itself a plain slice of another blob is not chained: the offsets are added.
    """
    parsed = parse_blob_id(message_blob_id)
    if parsed is None or part.is_multipart:
        return None
    base, slices = parsed
    start, length = part.body_start, part.body_end - part.body_start
    if slices and slices[-1].letter == "i":
        start += slices[-1].start
        slices = slices[:-1]
    if len(slices) >= MAX_SLICES:
        return None
    text = blob_id(base, (*slices, Slice(start, length, _LETTERS.get(part.encoding, "i"))))
    return text if len(text) <= MAX_LENGTH else None


def blob_id(base: str, slices: Sequence[Slice]) -> str:
    """The reference as text."""
    return base + "".join(f"-{piece.start}-{piece.length}-{piece.letter}" for piece in slices)


def parse_blob_id(text: str) -> SliceRef | None:
    """The stored blob's id and the slices to take from it one after the other (none for a whole blob).

    None for what `part_blob_id` would never write: each slice has exactly one spelling.
    """
    if len(text) > MAX_LENGTH or not (match := _BLOB_ID.fullmatch(text)):
        return None
    slices = tuple(Slice(int(start), int(length), letter) for start, length, letter in _SLICE.findall(match[2]))
    if len(slices) > MAX_SLICES or any(piece.letter == "i" for piece in slices[:-1]):
        return None
    return match[1], slices


def read_slice(data: bytes, slices: Sequence[Slice]) -> bytes | None:
    """The octets that the slices name in the stored blob; None if one lies outside of what is there."""
    for piece in slices:
        end = piece.start + piece.length
        if piece.start < 0 or piece.length < 0 or end > len(data) or piece.letter not in _ENCODINGS:
            return None
        data = transfer.decode_transfer(data[piece.start : end], _ENCODINGS[piece.letter])
    return data
