"""The columns of a sheet: what is looked for in messages (`TEXTS`), and what they are sorted by (`VALUES`).

RFC 9051 §6.4.4, RFC 5256 §3, RFC 5957 §3. What stands in a header never changes, so neither does a column.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from pillarbox.core.clock import from_date
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.collation import search_key, sort_key
from pillarbox.formats.message.subject import base_subject
from pillarbox.servers.imap.heading import Heading

_MOST_CHARACTERS = 16_000  # of a field of one message that can be found
# No text of a client has a NUL (RFC 9051 §9), and no line end is left in what it is compared with.
_THERE, _END = "\0", "\n"


class TextColumn:
    """A field of all messages as one text, in which a piece is found at the speed of memory.

    It is UTF-8, folded, a line a message: `NUL text`, or nothing for a message without the field.
    """

    __slots__ = ("_starts", "_text")

    def __init__(self, text: bytes, starts: Sequence[int]) -> None:
        self._text, self._starts = text, starts

    @property
    def weight(self) -> int:
        """The octets that it takes."""
        return len(self._text) + 4 * len(self._starts)

    def grown(self, texts: Sequence[str | None]) -> TextColumn:
        """The column with the field of further messages."""
        growing = GrowingColumn()
        growing.extend(texts)
        return self.with_more(growing)

    def with_more(self, growing: GrowingColumn) -> TextColumn:
        """The column with what was gathered of further messages."""
        starts, end = array("I", self._starts), len(self._text)
        starts.extend([end + start for start in growing.starts])
        return TextColumn(b"".join([self._text, *growing.pieces]), starts)

    def rows(self, needle: bytes) -> list[int]:
        """The places of the messages whose field holds the needle, a search key in UTF-8; empty: which have the field.

        They rise.
        """
        text, starts, out = self._text, self._starts, list[int]()
        needle = needle or _THERE.encode()
        at = text.find(needle)
        while at >= 0:
            row = bisect_right(starts, at) - 1
            out.append(row)
            at = text.find(needle, starts[row + 1]) if row + 1 < len(starts) else -1
        return out


EMPTY = TextColumn(b"", ())


class GrowingColumn:
    """A field of many messages, gathered in steps: as texts of their own they would take several times the room."""

    __slots__ = ("_end", "pieces", "starts")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.starts = array("I")
        self._end = 0

    def extend(self, texts: Iterable[str | None]) -> None:
        """The field of the messages that come next."""
        lines = ["" if text is None else _THERE + search_key(text[:_MOST_CHARACTERS]) for text in texts]
        encoded = [line.encode("utf-8", "replace") + b"\n" for line in lines]
        for line in encoded:
            self.starts.append(self._end)
            self._end += len(line)
        self.pieces.append(b"".join(encoded))


def _people(heading: Heading, name: str, addresses: Sequence[EmailAddress] | None) -> str | None:
    if addresses is None:
        return None
    people = [f"{each.name} <{each.email}>" if each.name else each.email for each in addresses]
    if heading.groups is not None:
        for before, group in reversed(heading.groups.get(name, ())):
            people.insert(before, f"{group}:")
    return ", ".join(people)


def _ids(ids: Sequence[str] | None) -> str | None:
    return None if ids is None else " ".join([f"<{id}>" for id in ids])


TEXTS: Mapping[str, Callable[[Heading], str | None]] = {
    "from": lambda heading: _people(heading, "from", heading.from_),
    "to": lambda heading: _people(heading, "to", heading.to),
    "cc": lambda heading: _people(heading, "cc", heading.cc),
    "bcc": lambda heading: _people(heading, "bcc", heading.bcc),
    "subject": lambda heading: heading.subject,
    "sender": lambda heading: _people(heading, "sender", heading.sender),
    "reply-to": lambda heading: _people(heading, "reply-to", heading.reply_to),
    "message-id": lambda heading: _ids(heading.message_id),
    "in-reply-to": lambda heading: _ids(heading.in_reply_to),
    "references": lambda heading: _ids(heading.references),
}
# Of a field of ids there is nothing in the listing when none of them could be read.
IDS = frozenset({"message-id", "in-reply-to", "references"})


def _sent_at(arrived: int, heading: Heading) -> int:
    """The Date field as a moment, in ms; the time of arrival where there is none that can be read (RFC 5256 §2.2)."""
    sent = from_date(heading.sent_at) if heading.sent_at else None
    return sent if sent is not None else arrived


def _sent_day(_arrived: int, heading: Heading) -> int:
    """The number of the day that is written in the Date field, whatever its time and zone; 0 for none."""
    try:
        return date.fromisoformat(heading.sent_at[:10]).toordinal() if heading.sent_at else 0
    except ValueError:
        return 0


def _mailbox(heading: Heading, name: str, addresses: Sequence[EmailAddress] | None) -> str:
    """RFC 5256 §3: the mailbox part of the first address; of a group that is its name, as in an envelope."""
    if group := _first_group(heading, name):
        return sort_key(group)
    return sort_key(addresses[0].email.rpartition("@")[0] or addresses[0].email) if addresses else ""


def _display(heading: Heading, name: str, addresses: Sequence[EmailAddress] | None) -> str:
    """RFC 5957 §3: the display name, or else mailbox@host; of a group its name."""
    if group := _first_group(heading, name):
        return sort_key(group)
    return sort_key(addresses[0].name or addresses[0].email) if addresses else ""


def _first_group(heading: Heading, name: str) -> str:
    groups = heading.groups.get(name) if heading.groups is not None else None
    return groups[0][1] if groups and groups[0][0] == 0 else ""


SENT_DAY = "day"
VALUES: Mapping[str, Callable[[int, Heading], Any]] = {
    SENT_DAY: _sent_day,
    "ARRIVAL": lambda arrived, _: arrived,
    "DATE": _sent_at,
    "FROM": lambda _, heading: _mailbox(heading, "from", heading.from_),
    "TO": lambda _, heading: _mailbox(heading, "to", heading.to),
    "CC": lambda _, heading: _mailbox(heading, "cc", heading.cc),
    "SUBJECT": lambda _, heading: sort_key(base_subject(heading.subject or "", strict=True)),
    "DISPLAYFROM": lambda _, heading: _display(heading, "from", heading.from_),
    "DISPLAYTO": lambda _, heading: _display(heading, "to", heading.to),
}
