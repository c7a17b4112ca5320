"""What the responses of FETCH call the sections that were asked for (RFC 9051 §7.5.2, RFC 3516 §4.2)."""

from __future__ import annotations

from functools import lru_cache

from pillarbox.wire.imap.fetch_item import Binary, BinarySize, Section
from pillarbox.wire.imap.response import astring, joined, to_bytes


@lru_cache(64)  # it stands in the answer for each message
def section_name(section: Section) -> bytes:
    """`BODY[1.MIME]<0>`, or the old name that was used, such as `RFC822.HEADER`."""
    if section.label is not None:
        return to_bytes(section.label)
    words = list(map(str, section.part))
    if section.what:
        # The names of fields stand as they were asked for: clients compare them with what they sent.
        names = f" {joined(map(astring, section.fields))}" if section.fields else ""
        words.append(section.what + names)
    return to_bytes(f"BODY[{'.'.join(words)}]{_origin(section.partial)}")


def binary_name(item: Binary) -> bytes:
    """`BINARY[1]<0>`."""
    return to_bytes(f"BINARY[{'.'.join(map(str, item.part))}]{_origin(item.partial)}")


def binary_size_name(item: BinarySize) -> bytes:
    """`BINARY.SIZE[1]`."""
    return to_bytes(f"BINARY.SIZE[{'.'.join(map(str, item.part))}]")


def _origin(partial: tuple[int, int] | None) -> str:
    """The origin octet of a partial answer; how many octets were asked for is not repeated."""
    return "" if partial is None else f"<{partial[0]}>"
