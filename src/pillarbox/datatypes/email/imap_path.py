"""Finds what IMAP's numbers of a part lead to (RFC 9051 §6.4.5.1), messages inside of messages included.

Octets are read when they are needed, by the offsets of the structure: for its header a large message is not read whole.
A message inside is read and scanned when a path goes through it, as the stored structure ends at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pillarbox.datatypes.email.imap_body import MAX_DEPTH
from pillarbox.formats.message.embedded import TYPES, embedded_message
from pillarbox.formats.message.structure import Part, Structure

Path = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Octets:
    """A message's octets: how many, and how to read those from one offset to before another."""

    size: int
    read: Callable[[int, int], bytes]


def octets_of(data: bytes) -> Octets:
    """Octets that are in memory."""
    return Octets(len(data), lambda start, end: data[start:end])


@dataclass(frozen=True, slots=True)
class Place:
    """A part and the octets that it lies in; `is_message`: not the part but the message whose root it is."""

    octets: Octets
    part: Part
    is_message: bool = False


class Paths:
    """The places in one message."""

    def __init__(self, octets: Octets, structure: Structure) -> None:
        self._message = Place(octets, structure.root, is_message=True)
        self._entered: dict[Path, Place | None] = {}

    def find(self, path: Path) -> Place | None:
        """The part of these numbers, or the message itself for none; None when there is no such part."""
        place = self._message
        for level, number in enumerate(path):
            below = self._below(place, path[:level], number)
            if below is None:
                return None
            place = below
        return place

    def message(self, path: Path) -> Place | None:
        """The message that a part encloses, or the message itself; None when the part is no message."""
        place = self.find(path)
        return place if place is None or place.is_message else self._enter(place, path)

    def _below(self, place: Place, path: Path, number: int) -> Place | None:
        if not place.is_message and not place.part.is_multipart:
            entered = self._enter(place, path)
            if entered is None:
                return None
            place = entered
        if place.part.is_multipart:
            return _child(place, place.part.sub_parts, number)
        # "Every message has at least one part number": the only body of a message is its part 1.
        return Place(place.octets, place.part) if number == 1 else None

    def _enter(self, place: Place, path: Path) -> Place | None:
        if place.part.type not in TYPES:
            return None
        if path not in self._entered:
            self._entered[path] = None
            is_deep = sum(1 for above in self._entered if above == path[: len(above)]) > MAX_DEPTH
            body = b"" if is_deep else place.octets.read(place.part.body_start, place.part.body_end)
            inner = None if is_deep else embedded_message(body, place.part)
            if inner is not None:
                self._entered[path] = Place(octets_of(inner.data), inner.structure.root, is_message=True)
        return self._entered[path]


def _child(place: Place, parts: Sequence[Part], number: int) -> Place | None:
    if number <= len(parts):
        return Place(place.octets, parts[number - 1])
    if number == 1:
        # A multipart of no parts is shown with an empty one (`EMPTY_PART` of wire/imap/body_structure.py).
        end = place.part.body_end
        empty = Part("text/plain", header_start=end, header_end=end, body_start=end, body_end=end)
        return Place(place.octets, empty)
    return None
