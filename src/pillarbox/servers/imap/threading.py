"""THREAD and UID THREAD (RFC 5256 §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.formats.message import thread_tree
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.search import find
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.sorting import headings, sent_time
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m

ALGORITHMS: Mapping[str, Callable[[Sequence[thread_tree.Message]], list[thread_tree.Node]]] = {
    "ORDEREDSUBJECT": thread_tree.by_ordered_subject,
    "REFERENCES": thread_tree.by_references,
    "REFS": thread_tree.by_refs,
}


async def thread(session: Session, command: m.Thread) -> Done:
    """Find messages, and tell them as threads."""
    algorithm = ALGORITHMS.get(command.algorithm)
    if algorithm is None:
        return bad("This algorithm is not known here")
    selected = session.selected
    assert selected is not None
    place, is_uid = selected.place, command.is_uid or session.is_uid_only

    def body(view: Snapshot) -> str:
        found = find(view, selected, command)
        rows = view.memberships_of(place.account, place.id, found.uids)
        messages = []
        for row, heading in zip(rows, headings(view, place.account, rows), strict=True):
            number = row.uid if is_uid else selected.number_of(row.uid)
            # RFC 5256 §3: where there is no valid References, the first id of In-Reply-To is taken.
            references = heading.references or (heading.in_reply_to or [])[:1]
            message_id = heading.message_id[0] if heading.message_id else None
            messages.append(
                thread_tree.Message(
                    number or 0, sent_time(row, heading), row.sort_key, heading.subject or "", message_id, references
                )
            )
        return thread_tree.to_text(algorithm(messages))

    text = await session.read(body)
    session.say(f"* THREAD{' ' if text else ''}{text}\r\n".encode())
    return ok("Threaded")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Thread: thread}
