"""The words of a message for a full text index.

RFC 8621 §4.4.1 (what the filters from, to, cc, bcc, subject, body and text look at).
"""

from collections.abc import Iterator

import msgspec

from pillarbox.formats.message import header
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.body import decode_octets
from pillarbox.formats.message.listing import Listing, listing
from pillarbox.formats.message.readable_text import readable_text
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.selection import Bodies, select_bodies
from pillarbox.formats.message.structure import Part, ScanLimits, Structure

MAX_CHARACTERS = 1_000_000
_MAX_DEPTH = 5  # messages in messages
_MAX_NAMES = 1000
_MAX_ENCLOSED = 20
_ENCLOSED_LIMITS = ScanLimits(depth=20, parts=200, fields=2000)
_ENCLOSED_OCTETS = 10_000_000


class IndexText(msgspec.Struct, frozen=True):
    """Plain strings, one for each field of the index; addresses as name and email."""

    from_: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    body: str = ""
    attachments: str = ""
    list_id: str = ""


class _Budget:
    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, text: str) -> str:
        taken = text if len(text) <= self.left else text[: self.left]
        self.left -= len(taken)
        return taken


def index_text(
    data: bytes,
    structure: Structure,
    limit: int = MAX_CHARACTERS,
    listed: Listing | None = None,
    bodies: Bodies | None = None,
) -> IndexText:
    """The text to index: `limit` characters at most in all; `listed` and `bodies` spare the work if they are known.

    The body is that of all plain parts, and of HTML parts where there is no plain alternative; the subject, the
    sender and the text of attached messages belong to it too.
    """
    bodies = bodies or select_bodies(structure.root)
    listed = listed or listing(data, structure, bodies)
    budget = _Budget(limit)
    list_id = header.find(data, structure.root.fields, "List-Id")
    names = [part.name for part in structure.parts() if part.name][:_MAX_NAMES]
    return IndexText(
        from_=budget.take(_addresses(listed.from_)),
        to=budget.take(_addresses(listed.to)),
        cc=budget.take(_addresses(listed.cc)),
        bcc=budget.take(_addresses(listed.bcc)),
        subject=budget.take(listed.subject or ""),
        list_id=budget.take(header.as_text(list_id) if list_id else ""),
        attachments=budget.take("\n".join(names)),
        body="\n".join(_texts(data, structure.root, bodies, budget)),
    )


def _addresses(addresses: list[EmailAddress] | None) -> str:
    return ", ".join(f"{each.name} {each.email}" if each.name else each.email for each in addresses or ())


def _texts(data: bytes, root: Part, bodies: Bodies, budget: _Budget) -> Iterator[str]:
    """The readable texts of a message and of those it encloses, level by level, until the budget is spent."""
    waiting: list[tuple[bytes, Part, Bodies, int]] = [(data, root, bodies, 0)]
    enclosed = 0
    while waiting and budget.left > 0:
        octets, top, selected, depth = waiting.pop(0)
        if depth:
            yield from _heading(octets, top, budget)
        for part in _text_parts(selected):
            if budget.left <= 0:
                return
            # HTML has far more octets than words; 4 octets is the most that one character takes.
            yield budget.take(readable_text(octets, part, budget.left * 4, selected))
        for part in selected.attachments:
            is_message = part.type in {"message/rfc822", "message/global"}
            if is_message and depth < _MAX_DEPTH and enclosed < _MAX_ENCLOSED and part.size <= _ENCLOSED_OCTETS:
                enclosed += 1
                inner = decode_octets(octets, part)
                structure = scan(inner, _ENCLOSED_LIMITS)
                waiting.append((inner, structure.root, select_bodies(structure.root), depth + 1))


def _text_parts(selected: Bodies) -> Iterator[Part]:
    for part in selected.text_body:
        if part.type.startswith("text/"):
            yield part
    seen = {id(part) for part in selected.text_body}
    for part in selected.attachments:
        if part.type in {"text/plain", "text/html"} and id(part) not in seen:
            yield part


def _heading(data: bytes, root: Part, budget: _Budget) -> Iterator[str]:
    """Subject and sender of an enclosed message."""
    for name in ("Subject", "From"):
        value = header.find(data, root.fields, name)
        if value:
            yield budget.take(header.as_text(value))
