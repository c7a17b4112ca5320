"""The octets that BODY[...], BINARY[...] and BINARY.SIZE[...] of FETCH ask for (RFC 9051 §6.4.5, RFC 3516 §4).

Octets are told as they are stored, whatever their line ends, so that sizes, offsets and literals agree with
RFC822.SIZE, and signatures stay whole. Only an empty line that is added after chosen header fields is CRLF.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pillarbox.datatypes.email.header_part import field_octets
from pillarbox.datatypes.email.imap_path import Octets, Paths, Place
from pillarbox.formats.message import transfer
from pillarbox.formats.message.structure import Part, Structure
from pillarbox.wire.imap.fetch_item import Binary, BinarySize, Section

Partial = tuple[int, int] | None


class Stretch(NamedTuple):
    """The octets of a message from one offset to before another."""

    octets: Octets
    start: int
    end: int


class UnknownEncoding(ValueError):
    """The part's transfer encoding cannot be undone: UNKNOWN-CTE of RFC 3516 §4.3."""


class Sections:
    """The sections of one message."""

    def __init__(self, octets: Octets, structure: Structure) -> None:
        self._paths = Paths(octets, structure)

    def section(self, item: Section) -> bytes | None:
        """The octets of BODY[...]; None when there is no such part, or it has no such header.

        RFC 9051 §6.4.5: of a partial one those that are there, none when it begins past the end.
        """
        if item.fields:
            place = self._paths.message(item.part)
            if place is None:
                return None
            header = place.octets.read(0, place.part.body_start)
            chosen = _chosen(header, place.part, item.fields, is_not=item.what.endswith("NOT"))
            return _sliced(chosen, item.partial)
        stretch = self.stretch(item)
        return stretch.octets.read(stretch.start, stretch.end) if stretch is not None else None

    def stretch(self, item: Section) -> Stretch | None:
        """Where the octets lie of a section that is not made of chosen fields; None when it is not there."""
        place = self._paths.message(item.part) if item.what not in ("", "MIME") else self._paths.find(item.part)
        if place is None:
            return None
        part, size = place.part, place.octets.size
        match item.what:
            case "":
                start, end = (0, size) if place.is_message else (part.body_start, part.body_end)
            case "MIME":
                start, end = part.header_start, part.body_start
            case "HEADER":
                start, end = 0, part.body_start
            case _:
                start, end = part.body_start, size
        return cut(place.octets, item.partial, start, end)

    def binary(self, item: Binary) -> bytes | None:
        """The decoded octets of a part; of a multipart or a message as it stands. Raises UnknownEncoding."""
        place = self._paths.find(item.part)
        return _decoded(place, item.partial) if place is not None else None

    def decoded(self, item: Section) -> bytes | None:
        """The octets of BODY[...] without a transfer encoding, which headers never have. Raises UnknownEncoding."""
        if item.what not in ("", "TEXT"):
            return self.section(item)
        place = self.content(item)
        return _decoded(place, item.partial) if place is not None else None

    def content(self, item: Section) -> Place | None:
        """The part or the message whose content a section is; None when there is none, or the section is a header."""
        if item.what == "":
            return self._paths.find(item.part)
        message = self._paths.message(item.part) if item.what == "TEXT" else None
        return Place(message.octets, message.part) if message is not None else None

    def binary_size(self, item: BinarySize) -> int:
        """How many octets BINARY[...] has; 0 when there is no such part. Raises UnknownEncoding."""
        place = self._paths.find(item.part)
        if place is None:
            return 0
        start, end = _body(place)
        return end - start if _is_plain(place) else place.part.size


def _decoded(place: Place, partial: Partial) -> bytes:
    start, end = _body(place)
    if _is_plain(place):
        stretch = cut(place.octets, partial, start, end)
        return stretch.octets.read(stretch.start, stretch.end)
    decoded = transfer.decode_transfer(place.octets.read(start, end), place.part.encoding)
    return _sliced(decoded, partial)


def _body(place: Place) -> tuple[int, int]:
    return (0, place.octets.size) if place.is_message else (place.part.body_start, place.part.body_end)


def _is_plain(place: Place) -> bool:
    """Whether nothing has to be decoded. Raises UnknownEncoding."""
    if place.is_message or place.part.is_multipart:
        return True
    if not transfer.is_known(place.part.encoding):
        raise UnknownEncoding(place.part.encoding)
    return place.part.encoding in transfer.IDENTITY


def cut(octets: Octets, partial: Partial, start: int = 0, end: int | None = None) -> Stretch:
    """Part of a stretch, as `<start.count>` asks for it: what is there of it."""
    end = octets.size if end is None else end
    if partial is not None:
        start = min(start + partial[0], end)
        end = min(start + partial[1], end)
    return Stretch(octets, start, end)


def _sliced(octets: bytes, partial: Partial) -> bytes:
    return octets if partial is None else octets[partial[0] : partial[0] + partial[1]]


def _chosen(header: bytes, root: Part, names: tuple[str, ...], *, is_not: bool) -> bytes:
    """The fields with these names, or all but these, as they stand and in their order, and the empty line.

    RFC 9051 §6.4.5.1: "The field-matching is ASCII-range case insensitive but otherwise exact".
    """
    wanted = _folded(names)
    chosen = [field_octets(header, field) for field in root.fields if (field.name.lower() in wanted) is not is_not]
    return b"".join([*chosen, b"\r\n"])


@lru_cache(64)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.lower, names))
