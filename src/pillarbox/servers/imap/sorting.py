"""SORT and UID SORT (RFC 5256 §3; RFC 5957; RFC 5267 §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import View
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.collation import sort_key
from pillarbox.formats.message.subject import base_subject
from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.found import Found
from pillarbox.servers.imap.search import extended_line, find, save
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m


class Heading(msgspec.Struct, rename="camel"):
    """What SORT and THREAD look at in a message's listing."""

    message_id: list[str] | None = None
    in_reply_to: list[str] | None = None
    references: list[str] | None = None
    from_: list[EmailAddress] | None = msgspec.field(default=None, name="from")
    to: list[EmailAddress] | None = None
    cc: list[EmailAddress] | None = None
    subject: str | None = None
    sent_at: str | None = None


_decode = msgspec.json.Decoder(Heading).decode
_NONE = Heading()
Key = Callable[[Membership, Heading], Any]
_OF_ROWS = frozenset({"ARRIVAL", "SIZE"})


def headings(view: View, account: str, rows: Sequence[Membership]) -> list[Heading]:
    """The headings of some messages, in their order."""
    parts = view.parts(EMAIL, account, [row.item for row in rows], "listing")
    return [_decode(part) if (part := parts.get(row.item)) is not None else _NONE for row in rows]


def sent_time(row: Membership, heading: Heading) -> int:
    """The Date field as a moment, in ms; the time of arrival where there is none that can be read (RFC 5256 §2.2)."""
    sent = from_date(heading.sent_at) if heading.sent_at else None
    return sent if sent is not None else row.sort_key


def _mailbox(addresses: Sequence[EmailAddress] | None) -> str:
    """RFC 5256 §3: the mailbox part of the first address."""
    return sort_key(addresses[0].email.rpartition("@")[0] or addresses[0].email) if addresses else ""


def _display(addresses: Sequence[EmailAddress] | None) -> str:
    """RFC 5957 §3: the display name, or else mailbox@host."""
    return sort_key(addresses[0].name or addresses[0].email) if addresses else ""


_KEYS: Mapping[str, Key] = {
    "ARRIVAL": lambda row, _: row.sort_key,
    "SIZE": lambda row, _: row.size,
    "DATE": sent_time,
    "FROM": lambda _, heading: _mailbox(heading.from_),
    "TO": lambda _, heading: _mailbox(heading.to),
    "CC": lambda _, heading: _mailbox(heading.cc),
    "SUBJECT": lambda _, heading: sort_key(base_subject(heading.subject or "", strict=True)),
    "DISPLAYFROM": lambda _, heading: _display(heading.from_),
    "DISPLAYTO": lambda _, heading: _display(heading.to),
}


def in_order(view: View, account: str, rows: Sequence[Membership], criteria: Sequence[tuple[str, bool]]) -> list[int]:
    """The UIDs of some messages in order; of what is alike, the lower number first (RFC 5256 §3)."""
    needs_headings = any(name not in _OF_ROWS for name, _ in criteria)
    seen = headings(view, account, rows) if needs_headings else [_NONE] * len(rows)
    pairs = list(zip(rows, seen, strict=True))
    for name, is_reversed in reversed(criteria):
        key = _KEYS[name]
        # A sort that is reversed keeps what is alike in the order that it had.
        pairs.sort(key=lambda pair: key(*pair), reverse=is_reversed)
    return [row.uid for row, _ in pairs]


async def sort(session: Session, command: m.Sort) -> Done:
    """Find messages, and tell them in order."""
    if command.is_modseq_wanted:
        session.enable_condstore()
    selected = session.selected
    assert selected is not None
    place = selected.place

    def body(view: Snapshot) -> Found:
        found = find(view, selected, command)
        rows = view.memberships_of(place.account, place.id, found.uids)
        return Found(in_order(view, place.account, rows, command.criteria), found.modseq)

    found = await session.read(body)
    if command.returned is None:
        is_uid = command.is_uid or session.is_uid_only
        numbers = found.uids if is_uid else [n for uid in found.uids if (n := selected.number_of(uid)) is not None]
        tail = f" (MODSEQ {found.modseq})" if found.modseq else ""
        session.say(f"* SORT{''.join([f' {number}' for number in numbers])}{tail}\r\n".encode())
        return ok("Sorted")
    if "SAVE" in command.returned:
        save(selected, Found(sorted(found.uids), found.modseq), command)
    session.say(extended_line(session, selected, found, command))
    return ok("Sorted")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Sort: sort}
