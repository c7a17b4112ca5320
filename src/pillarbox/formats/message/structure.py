"""The MIME structure of a message as it is stored: where each part and header field stands, in octets.

RFC 5322 §2.1, RFC 2045 §2, RFC 8621 §4.1.4.
"""

from collections.abc import Iterator

import msgspec

DEFECTS = frozenset(
    {
        "bareCarriageReturn",  # no LF at all: CR was taken as the line end
        "byteOrderMark",  # a UTF-8 byte order mark stood before the header
        "encodedMultipart",  # a multipart with base64 or the like as its transfer encoding (RFC 2045 §6.4 forbids it)
        "mboxFromLine",  # the first line was the "From " line of an mbox file
        "missingBlankLine",  # a line that is no header field ended the header
        "missingBoundary",  # a multipart without a boundary parameter
        "missingCloseDelimiter",  # a multipart that was cut off
        "missingDelimiter",  # a multipart whose boundary is never used
        "oversizedField",  # a header field longer than the limit: only its beginning is kept
        "tooDeep",  # multiparts nested past the limit
        "tooManyFields",  # header fields past the limit: the rest is not listed
        "tooManyParts",  # parts past the limit: the rest is one opaque part
    }
)


class Field(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A header field: its name as it stands, and offsets of the name, of the value (after the colon), and of its end.

    `end` is the offset after the last octet of the value, without the line end that terminates the field.
    """

    name: str
    start: int
    value: int
    end: int


class Part(msgspec.Struct, array_like=True):
    """A body part (RFC 8621 §4.1.4, EmailBodyPart) with the offsets of its header and body in the message's octets.

    `body_end` leaves out the line end that belongs to the following delimiter (RFC 2046 §5.1.1). `size` counts octets
    after the transfer encoding is decoded; it is that of the raw body for a multipart. `part_id` is None for a
    multipart only. `detected` is the codec that statistics named for its text, once they had to be asked.
    """

    type: str
    part_id: str | None = None
    charset: str | None = None
    disposition: str | None = None
    name: str | None = None
    cid: str | None = None
    language: list[str] | None = None
    location: str | None = None
    encoding: str = "7bit"
    header_start: int = 0
    header_end: int = 0
    body_start: int = 0
    body_end: int = 0
    size: int = 0
    fields: list[Field] = []
    sub_parts: list["Part"] = []
    detected: str | None = None

    @property
    def is_multipart(self) -> bool:
        """Whether the part holds parts (possibly none) instead of content."""
        return self.type.startswith("multipart/")


class Structure(msgspec.Struct, array_like=True):
    """What a scan found: the root part, and the names of the defects (of `DEFECTS`) in the order they were met."""

    root: Part
    defects: list[str] = []

    def parts(self) -> Iterator[Part]:
        """All parts, the root first, depth first."""
        return iterate(self.root)

    def leaves(self) -> Iterator[Part]:
        """The parts that have content of their own, in the order they stand in the message."""
        return (part for part in iterate(self.root) if part.part_id is not None)

    def part(self, part_id: str) -> Part | None:
        """The part of this id, or None."""
        return next((part for part in iterate(self.root) if part.part_id == part_id), None)


class ScanLimits(msgspec.Struct, frozen=True):
    """Budgets of a scan: what lies beyond them is kept as octets, but not taken apart."""

    depth: int = 100
    parts: int = 1000
    fields: int = 10_000
    field_octets: int = 262_144
    parameters: int = 100


def iterate(root: Part) -> Iterator[Part]:
    """The part and all below it, depth first, without recursion."""
    waiting = [root]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(reversed(part.sub_parts))
