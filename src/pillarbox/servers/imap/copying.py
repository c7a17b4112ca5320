"""COPY, MOVE and their UID forms (RFC 9051 §6.4.7, §6.4.8; RFC 4315 §3; RFC 6851)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap.chosen import batches, choose, count, rows_of
from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.message_limit import Cut, cut, need_fewer_copied
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.copy_message import Copied, copy_messages, read_sources, take_back
from pillarbox.services.mail.mailbox_named import split
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.sequence_set import to_set

_AT_ONCE = 500  # messages in one transaction


async def copy(session: Session, command: m.Copy) -> Done:
    """Copy or move messages into another mailbox, perhaps of another account."""
    selected = session.selected
    assert selected is not None
    if command.is_move:
        selected.need_writing()
    target = await target_of(session, command.mailbox)
    spans = choose(selected, command.set, is_uid=command.is_uid)
    if not command.is_move:
        need_fewer_copied(session, selected, spans)
    part = cut(session, selected, spans) if command.is_move else Cut(spans)
    copied: list[Copied] = []
    try:
        for batch in session.counted(batches(part.spans, _AT_ONCE), count(part.spans)):
            copied += await _copy(session, selected, target, batch, is_move=command.is_move)
    except Exception:
        # RFC 9051 §6.4.7: the server "MUST restore the destination mailbox to its state before the COPY attempt".
        if copied and not command.is_move:
            await session.news.write(lambda tx: take_back(tx, target, copied), target.account)
        raise
    if not copied:
        return part.ended(session, ok("There was nothing to do"))
    validity = await session.read(lambda view: view.container(target.account, target.id).uid_validity)
    copied.sort()
    code = f"COPYUID {validity} {to_set(one.uid for one in copied)} {_in_order([one.new_uid for one in copied])}"
    if not command.is_move:
        return ok("Copied", code)
    # RFC 6851 §4.3: told in an untagged OK before the EXPUNGE responses.
    session.say(f"* OK [{code}] Moved\r\n".encode())
    return part.ended(session, ok("Moved"))


async def target_of(session: Session, name: str) -> Place:
    """The mailbox that messages are to go to. Raises Fault, with `try_create` when it might be created."""
    try:
        place = await session.read(lambda view: session.find(view, name))
    except Fault as fault:
        if fault.kind is not Kind.NOT_FOUND:
            raise
        # RFC 9051 §6.4.7: the client may create it and try again, where it may.
        access, _ = split(session.accounts, name)
        may_create = access is not None and not access.is_read_only
        raise Fault(Kind.NOT_FOUND, str(fault), try_create=may_create) from None
    if place.access.is_read_only:
        raise Fault(Kind.ACCOUNT_READ_ONLY, "You may only read in that account")
    return place


async def _copy(
    session: Session, selected: Selected, target: Place, batch: Sequence[tuple[int, int]], *, is_move: bool
) -> list[Copied]:
    source = selected.place
    rows = [row for _, row in await session.read(lambda view: rows_of(view, selected, batch))]
    # What must become another email is read before the store is locked.
    readings = await session.read(lambda view: read_sources(view, source, target, rows), slow=True)
    copied = await session.news.write(
        lambda tx: copy_messages(tx, source, target, rows, readings, is_move=is_move),
        target.account,
        slow=bool(readings),
    )
    session.news.has_put(target, [one.new_uid for one in copied])
    return copied


def _in_order(uids: Sequence[int]) -> str:
    """UIDs as a set that lists them in this very order (RFC 4315 §3)."""
    out: list[str] = []
    start = 0
    for at in range(1, len(uids) + 1):
        if at == len(uids) or uids[at] != uids[at - 1] + 1:
            out.append(to_set(uids[start:at]))
            start = at
    return ",".join(out)


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Copy: copy}
