"""APPEND, with several messages, and with parts of others; REPLACE (RFC 9051 §6.3.12; RFC 3502; RFC 4469; RFC 8508)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.keyword import check_count
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.email.store import add_message
from pillarbox.net.spool import Spool
from pillarbox.servers.imap.catenate import joined
from pillarbox.servers.imap.chosen import choose, uids_at
from pillarbox.servers.imap.copying import target_of
from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.flag import DELETED, keyword_of
from pillarbox.servers.imap.message_limit import need_fewer_appended
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.sequence_set import SequenceSet, to_set

_SMALL = 262_144  # octets; larger messages are read in a thread


@dataclass(frozen=True, slots=True)
class _New:
    """A message that is to be stored."""

    reading: Reading
    keywords: Mapping[str, bool]
    is_deleted: bool
    received_ms: int | None


async def append(session: Session, command: m.Append) -> Done:
    """Store messages, all or none."""
    try:
        need_fewer_appended(session, len(command.messages))
        target = await target_of(session, command.mailbox)
        new = [await _read(session, message) for message in command.messages]
    finally:
        _discard(command.messages)
    uids, code = await session.news.write(lambda tx: _store(tx, target, new), target.account, slow=_is_large(new))
    session.news.has_put(target, uids)
    return ok("Stored", code)


async def replace(session: Session, command: m.Replace) -> Done:
    """Store a message in the place of another, in one step."""
    selected = session.selected
    assert selected is not None
    try:
        selected.need_writing()
        numbers = SequenceSet(((command.number, command.number),))
        uids = uids_at(selected, choose(selected, numbers, is_uid=command.is_uid))
        if not uids:
            return no("There is no such message", "NONEXISTENT")
        target = await target_of(session, command.mailbox)
        new = [await _read(session, command.message)]
    finally:
        _discard([command.message])
    place = selected.place

    def body(tx: Transaction) -> tuple[list[int], str]:
        rows = tx.memberships_of(place.account, place.id, uids)
        if not rows:
            raise Fault(Kind.NOT_FOUND, "The message is gone")
        stored = _store(tx, target, new)
        ids = [row.item for row in rows]
        set_deleted(tx, place.account, place.id, ids, on=True)
        expunge(tx, place.account, place.id, ids)
        return stored

    stored, code = await session.news.write(body, target.account, slow=_is_large(new))
    session.news.has_put(target, stored)
    session.say(f"* OK [{code}] Stored\r\n".encode())  # RFC 8508 §3.4: before the EXPUNGE
    return ok("Replaced")


async def _read(session: Session, message: m.Message) -> _New:
    """A message with its octets read. Raises Fault."""
    keywords, is_deleted = {}, False
    for flag in message.flags:
        if flag.lower() == DELETED:
            is_deleted = True
        elif (keyword := keyword_of(flag)) is not None:
            keywords[keyword] = True
        elif flag.lower() != "\\recent":
            raise Fault(Kind.INVALID_PROPERTIES, f"{flag} is no flag that can be set")
    data = await joined(session, message.parts)
    size = len(data)
    reading = read_message(data) if size < _SMALL else await session.bridge.run(read_message, data)
    if size > session.bridge.store.limits.blob_inline_octets:
        await session.bridge.carry(session.bridge.store.write_ahead, reading.data)
    received = int(message.date.timestamp() * 1000) if message.date is not None else None
    return _New(reading, keywords, is_deleted, received)


def _discard(messages: Sequence[m.Message]) -> None:
    for message in messages:
        for part in message.parts:
            if isinstance(part, Spool):
                part.discard()


def _store(tx: Transaction, target: Place, new: Sequence[_New]) -> tuple[list[int], str]:
    """Store messages; their UIDs, and the response code that tells them."""
    ids = []
    for one in new:
        check_count(len(one.keywords), tx.limits.max_keywords_per_email)
        received = tx.now_ms if one.received_ms is None else one.received_ms
        boxes = {target.id: True}
        ids.append(add_message(EMAIL, tx, target.account, one.reading, boxes, one.keywords, received).id)
        if one.is_deleted:
            set_deleted(tx, target.account, target.id, ids[-1:], on=True)
    found = tx.uids_of(target.account, target.id, ids)
    uids = [found[id] for id in ids]
    return uids, f"APPENDUID {tx.container(target.account, target.id).uid_validity} {to_set(uids)}"


def _is_large(new: Sequence[_New]) -> bool:
    return sum(len(one.reading.data) for one in new) > _SMALL


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Append: append, m.Replace: replace}
