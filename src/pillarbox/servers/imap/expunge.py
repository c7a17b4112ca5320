r"""EXPUNGE and UID EXPUNGE: what has \Deleted is removed (RFC 9051 §6.4.3, §6.4.9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pillarbox.servers.imap.chosen import Span, batches, choose, count, rows_of
from pillarbox.servers.imap.done import Done, ok
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
    await remove_deleted(session, selected, command.uids)
    if session.has_qresync:
        await session.update()
        # RFC 7162 §3.2.7: "the OK response MUST contain a HIGHESTMODSEQ response code".
        return ok("Removed", f"HIGHESTMODSEQ {selected.modseq}")
    return ok("Removed")


async def remove_deleted(session: Session, selected: Selected, uids: SequenceSet | None = None) -> None:
    r"""Remove what has \Deleted, of a set or of all that the client knows of."""
    spans = choose(selected, uids or _ALL, is_uid=True)
    for batch in session.counted(batches(spans, _AT_ONCE), count(spans)):
        rows = await session.read(partial(rows_of, selected=selected, spans=batch))
        if any(row.is_deleted for _, row in rows):
            await session.news.write(partial(_remove, selected=selected, batch=batch), selected.place.account)


def _remove(tx: Transaction, selected: Selected, batch: Sequence[Span]) -> None:
    place = selected.place
    ids = [row.item for _, row in rows_of(tx, selected, batch) if row.is_deleted]
    expunge(tx, place.account, place.id, ids)


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Expunge: expunge_}
