r"""EXPUNGE and UID EXPUNGE: what has \Deleted is removed (RFC 9051 §6.4.3, §6.4.9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pillarbox.servers.imap.chosen import Span, batches, choose, count, rows_of
from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.message_limit import Cut, cut
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.flag import expunge
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.sequence_set import SequenceSet

_AT_ONCE = 500  # messages in one transaction
_ALL = SequenceSet(((1, 0),))


async def expunge_(session: Session, command: m.Expunge) -> Done:
    """Remove; what went is told before the tagged response, as any change is."""
    selected = session.selected
    assert selected is not None
    selected.need_writing()
    await session.update()  # what has come meanwhile may have the flag as well
    part = await _part(session, selected, command.uids)
    await _remove_at(session, selected, part.spans)
    if session.has_qresync:
        await session.update()
        # RFC 7162 §3.2.7: "the OK response MUST contain a HIGHESTMODSEQ response code".
        return part.ended(session, ok("Removed", f"HIGHESTMODSEQ {selected.modseq}"))
    return part.ended(session, ok("Removed"))


async def _part(session: Session, selected: Selected, uids: SequenceSet | None) -> Cut:
    r"""Where to look for what goes. RFC 9738 §3.1 bounds UID EXPUNGE, by what has \Deleted of its set."""
    if uids is None:
        return Cut(choose(selected, _ALL, is_uid=True))
    spans = choose(selected, uids, is_uid=True)
    if not cut(session, selected, spans).code:
        return Cut(spans)
    deleted: list[int] = []
    for batch in batches(spans, _AT_ONCE):
        rows = await session.read(partial(rows_of, selected=selected, spans=batch))
        deleted += [row.uid for _, row in rows if row.is_deleted]
    return cut(session, selected, selected.spans_of(deleted))


async def remove_deleted(session: Session, selected: Selected) -> None:
    r"""Remove what has \Deleted of all that the client knows of."""
    await _remove_at(session, selected, choose(selected, _ALL, is_uid=True))


async def _remove_at(session: Session, selected: Selected, spans: Sequence[Span]) -> None:
    for batch in session.counted(batches(spans, _AT_ONCE), count(spans)):
        rows = await session.read(partial(rows_of, selected=selected, spans=batch))
        if any(row.is_deleted for _, row in rows):
            await session.news.write(partial(_remove, selected=selected, batch=batch), selected.place.account)


def _remove(tx: Transaction, selected: Selected, batch: Sequence[Span]) -> None:
    place = selected.place
    ids = [row.item for _, row in rows_of(tx, selected, batch) if row.is_deleted]
    expunge(tx, place.account, place.id, ids)


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Expunge: expunge_}
