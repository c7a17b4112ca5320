"""Items of FETCH that are read from messages: sections, decoded parts, previews.

RFC 9051 §6.4.5, RFC 3516 §4, RFC 8970 §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.header_part import header_parts
from pillarbox.datatypes.email.imap_part import imap_part
from pillarbox.datatypes.email.imap_path import Octets, octets_of
from pillarbox.datatypes.email.imap_place import show_place
from pillarbox.datatypes.email.imap_section import Sections, UnknownEncoding, cut
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import View
from pillarbox.formats.message.structure import Structure
from pillarbox.wire.imap.fetch_item import Binary, BinarySize, FetchItem, Plain, Preview, Section
from pillarbox.wire.imap.fetch_response import binary_name, binary_size_name, section_name
from pillarbox.wire.imap.response import literal, literal8, string, to_bytes

_structure = msgspec.json.Decoder(Structure).decode
_WHOLE_OCTETS = 1_000_000  # a larger message is read in ranges
_AHEAD_OCTETS = 1_000_000  # of small messages that are read at once
_MANY_OCTETS = 262_144  # so many of it need not be in memory at once
_EMPTY, _NIL = b'""', b"NIL"


class _Listed(msgspec.Struct):
    preview: str = ""


_listed = msgspec.json.Decoder(_Listed).decode


class StoredStretch(NamedTuple):
    """The name of an item, and where its octets are: in which blob, from which offset to before which."""

    name: bytes
    blob: str
    start: int
    end: int


class MessageReading:
    """Reads some messages of an account, one after the other; what is stored beside them is read for all at once."""

    def __init__(self, view: View, account: str, emails: Mapping[str, Email]) -> None:
        self._view, self._account, self._emails = view, account, emails
        self._parts: dict[str, dict[str, bytes]] = {}
        self._ahead: dict[str, bytes] | None = None  # octets by blob
        self._current: tuple[str, Octets, Sections | None] | None = None
        self.has_failed = False  # the transfer encoding of a part was unknown: UNKNOWN-CTE (RFC 3516 §4.3)

    def imap_part(self, id: str) -> bytes:
        """The fixed part `imap` of a message that was stored before there was one. Raises Fault."""
        octets = self._octets(id)
        return imap_part(octets.read(0, octets.size), self._structure(id))

    def header_parts(self, id: str) -> Mapping[str, bytes]:
        """The fixed parts `fields` and `more-fields` of such a message. Raises Fault."""
        octets, root = self._octets(id), self._structure(id).root
        return header_parts(octets.read(0, root.body_start), root.fields)

    def stored_stretch(self, id: str, item: FetchItem) -> StoredStretch | None:
        """The octets of a section when they are many, and lie outside of the database as they are to be told.

        None for any other item, which `answer` tells.
        """
        email = self._emails.get(id)
        if not isinstance(item, Section) or item.fields or email is None or email.size <= _WHOLE_OCTETS:
            return None
        octets = self._octets(id)
        stretch = self._sections(id).stretch(item) if item.what or item.part else cut(octets, item.partial)
        is_stored = stretch is not None and stretch.octets is octets
        if stretch is None or not is_stored or stretch.end - stretch.start <= _MANY_OCTETS:
            return None
        if self._view.outside_size(self._account, email.blob_id) != octets.size:
            return None
        return StoredStretch(section_name(item), email.blob_id, stretch.start, stretch.end)

    def answer(self, id: str, item: FetchItem, *, is_utf8: bool) -> bytes:
        """An item with its value, as it stands in the answer. Raises Fault when the message cannot be read."""
        match item:
            case Section():
                return section_name(item) + b" " + _nstring(self.section(id, item))
            case Binary():
                return binary_name(item) + b" " + self._binary(id, item)
            case BinarySize():
                return b"%b %d" % (binary_size_name(item), self._binary_size(id, item))
            case Preview():
                stored = self._stored("listing").get(id)
                preview = string(_listed(stored).preview if stored is not None else "", is_utf8=is_utf8)
                return to_bytes(f"PREVIEW {preview}")
            case Plain():
                raise AssertionError(f"{item} is no item of a message's octets")

    def section(self, id: str, item: Section) -> bytes | None:
        """The octets of a section; None when there is none. Raises Fault when the message cannot be read."""
        if item.what or item.part:
            return self._sections(id).section(item)
        octets = self._octets(id)
        _, start, end = cut(octets, item.partial)
        return octets.read(start, end)

    def has_section(self, id: str, item: Section) -> bool:
        """Whether the message has such a section."""
        sections = self._sections(id)
        return (sections.section(item) if item.fields else sections.stretch(item)) is not None

    def decoded(self, id: str, item: Section) -> bytes | None:
        """The octets of a section with its transfer encoding removed; None when that is unknown."""
        try:
            return self._sections(id).decoded(item)
        except UnknownEncoding:
            return None

    def part_structure(self, id: str, item: Section, *, is_decoded: bool, is_utf8: bool) -> bytes | None:
        """BODYPARTSTRUCTURE of the part that a section is the content of; None for a header (RFC 5524 §3.2)."""
        place = self._sections(id).content(item)
        return show_place(place, is_decoded=is_decoded, is_utf8=is_utf8) if place is not None else None

    def _binary(self, id: str, item: Binary) -> bytes:
        try:
            return _nstring(self._sections(id).binary(item), is_binary=True)
        except UnknownEncoding:
            self.has_failed = True
            return _NIL

    def _binary_size(self, id: str, item: BinarySize) -> int:
        try:
            return self._sections(id).binary_size(item)
        except UnknownEncoding:
            self.has_failed = True
            return 0

    def _sections(self, id: str) -> Sections:
        octets = self._octets(id)
        assert self._current is not None
        sections = self._current[2]
        if sections is None:
            sections = Sections(octets, self._structure(id))
            self._current = (id, octets, sections)
        return sections

    def _structure(self, id: str) -> Structure:
        stored = self._stored("structure").get(id)
        if stored is None:
            raise Fault(Kind.FAILED, f"the structure of email {id} is missing from the store")
        return _structure(stored)

    def _stored(self, name: str) -> dict[str, bytes]:
        if name not in self._parts:
            self._parts[name] = self._view.parts(EMAIL, self._account, list(self._emails), name)
        return self._parts[name]

    def _octets(self, id: str) -> Octets:
        if self._current is None or self._current[0] != id:
            self._current = (id, self._open(id), None)
        return self._current[1]

    def _open(self, id: str) -> Octets:
        email = self._emails.get(id)
        if email is None:
            raise Fault(Kind.FAILED, f"email {id} is missing from the store")
        view, account, blob = self._view, self._account, email.blob_id
        if (data := self._read_ahead().pop(blob, None)) is not None and len(data) == email.size:
            return octets_of(data)

        def read(start: int, end: int) -> bytes:
            data = view.read_blob_range(account, blob, start, end) if start < end else b""
            if data is None or len(data) != end - start:
                raise Fault(Kind.FAILED, f"the message of email {id} is missing from the store")
            return data

        return Octets(email.size, read) if email.size > _WHOLE_OCTETS else octets_of(read(0, email.size))

    def _read_ahead(self) -> dict[str, bytes]:
        """The octets of the first of several messages, as far as they are small: one statement for all."""
        if self._ahead is None:
            room, blobs = _AHEAD_OCTETS, []
            for email in self._emails.values():
                room -= email.size
                if room < 0:
                    break
                blobs.append(email.blob_id)
            self._ahead = self._view.small_blobs(self._account, blobs) if len(blobs) > 1 else {}
        return self._ahead


def _nstring(octets: bytes | None, *, is_binary: bool = False) -> bytes:
    if octets is None:
        return _NIL
    return (literal8(octets) if is_binary else literal(octets)) if octets else _EMPTY
