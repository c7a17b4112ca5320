"""THREAD and UID THREAD (RFC 5256 §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.datatypes.view import View
from pillarbox.formats.message import thread_tree
from pillarbox.servers.imap.column import VALUES
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.finding import Finder, known_of, rows_of
from pillarbox.servers.imap.heading import headings
from pillarbox.servers.imap.image import Uids
from pillarbox.servers.imap.keep_words import keep_words
from pillarbox.servers.imap.message_limit import need_fewer, searched
from pillarbox.servers.imap.search import numbers_of
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m

ALGORITHMS: Mapping[str, Callable[[Sequence[thread_tree.Message]], list[thread_tree.Node]]] = {
    "ORDEREDSUBJECT": thread_tree.by_ordered_subject,
    "REFERENCES": thread_tree.by_references,
    "REFS": thread_tree.by_refs,
}
_QUICK = 200  # more messages than this are put in threads in a thread
_sent_at = VALUES["DATE"]


async def thread(session: Session, command: m.Thread) -> Done:
    """Find messages, and tell them as threads."""
    if command.algorithm not in ALGORITHMS:
        return bad("This algorithm is not known here")
    selected = session.selected
    assert selected is not None
    need_fewer(session, selected, searched(selected, command.key))
    place, is_uid = selected.place, command.is_uid or session.is_uid_only
    finder = Finder(session.service.images, session.service.memory)

    def body(view: View) -> bytes:
        found = finder.in_mailbox(view, place.account, place.id, command.key, selected)
        image, uids = found[0], known_of(selected, *found)
        numbers = uids if is_uid else numbers_of(selected, uids)
        what = command.algorithm, is_uid
        return finder.memory.threads(
            (place.account, place.id),
            image,
            what,
            uids,
            numbers,
            lambda: _threads(view, selected, command, uids, numbers),
        )

    text = await session.read(body)
    session.say(b"* THREAD%b%b\r\n" % (b" " if text else b"", text))
    await keep_words(session)
    return ok("Threaded")


def _threads(view: View, selected: Selected, command: m.Thread, uids: Uids, numbers: Sequence[int]) -> bytes:
    if len(uids) > _QUICK:
        view.take_time()
    rows = {row.uid: row for row in rows_of(view, selected, uids)} if uids else {}
    found = [(number, rows[uid]) for uid, number in zip(uids, numbers, strict=True) if uid in rows]
    seen = headings(view, selected.place.account, [row.item for _, row in found])
    messages = [
        thread_tree.Message(
            number,
            _sent_at(row.sort_key, heading),
            row.sort_key,
            heading.subject or "",
            heading.message_id[0] if heading.message_id else None,
            # RFC 5256 §3: where there is no valid References, the first id of In-Reply-To is taken.
            heading.references or (heading.in_reply_to or [])[:1],
        )
        for (number, row), heading in zip(found, seen, strict=True)
    ]
    return thread_tree.to_text(ALGORITHMS[command.algorithm](messages)).encode()


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Thread: thread}
