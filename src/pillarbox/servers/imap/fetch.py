"""FETCH and UID FETCH (RFC 9051 §6.4.5; RFC 7162 §3.1.4, §3.2.6; RFC 9394; RFC 9586)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.servers.imap.chosen import Span, batches, choose, rows_of
from pillarbox.servers.imap.done import Done, bad, no, ok
from pillarbox.servers.imap.fetch_answer import tell
from pillarbox.servers.imap.fetch_program import Program
from pillarbox.servers.imap.keep_fields import keep_fields
from pillarbox.servers.imap.message_limit import cut, need_fewer
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.vanished import earlier, vanished
from pillarbox.services.mail.mark import change_keywords
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.fetch_item import Plain


async def fetch(session: Session, command: m.Fetch) -> Done:
    """Tell of messages what is asked for."""
    selected = session.selected
    assert selected is not None
    if command.wants_vanished and not (session.has_qresync and command.is_uid):
        return bad("VANISHED is for UID FETCH, once QRESYNC was enabled")  # RFC 7162 §3.2.6
    spans = choose(selected, command.set, is_uid=command.is_uid, partial=command.partial)
    if command.partial is not None:
        need_fewer(session, selected, spans)  # so many were asked for by their number
    part = cut(session, selected, spans)
    items = list(dict.fromkeys(command.items))
    if command.changed_since is not None or Plain.MODSEQ in items:
        session.enable_condstore()  # RFC 7162 §3.1
        items += [Plain.MODSEQ] if Plain.MODSEQ not in items else []
    if command.is_uid and Plain.UID not in items:
        items.append(Plain.UID)
    since = command.changed_since or 0
    program = Program(items, is_utf8=session.is_utf8, is_uid_only=session.is_uid_only, since=since)
    if command.wants_vanished and command.changed_since is not None:
        session.say(await session.read(lambda view: _vanished(view, selected, command)))
    for turn, batch in enumerate(batches(part.spans, program.batch)):
        if turn:  # neither reading nor a client that takes all at once need have waited
            await asyncio.sleep(0)  # others have theirs
        if program.sets_seen and not selected.is_read_only:
            await _set_seen(session, selected, batch)
        await tell(session, selected, program, batch)
        await keep_fields(session, selected.place.account, program.take_learned())
    if program.has_failed:
        return part.ended(session, no("Some parts cannot be decoded", "UNKNOWN-CTE"))  # RFC 3516 §4.3
    return part.ended(session, ok("Fetched"))


async def _set_seen(session: Session, selected: Selected, batch: Sequence[Span]) -> None:
    r"""Reading a body sets \Seen (RFC 9051 §6.4.5)."""
    place = selected.place
    rows = await session.read(lambda view: rows_of(view, selected, batch))
    unseen = {row.item: row.uid for _, row in rows if " $seen " not in row.words}
    if not unseen:
        return

    def body(tx: Transaction) -> int:
        change_keywords(tx, place.account, unseen, add={"$seen"})
        return tx.numbers.get(place.account, 0)

    number = await session.news.write(body, place.account)
    selected.own.update((uid, number) for uid in unseen.values())  # the answer tells the flags


def _vanished(view: Snapshot, selected: Selected, command: m.Fetch) -> bytes:
    """What is gone of the set since then (RFC 7162 §3.2.6)."""
    assert command.changed_since is not None
    ranges = command.set.bounded(max(selected.uid_next - 1, 1))
    return earlier(vanished(view, selected.place, selected, ranges, command.changed_since))


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Fetch: fetch}
