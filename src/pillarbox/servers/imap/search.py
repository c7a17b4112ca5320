"""SEARCH, SORT and their UID forms: what is found is told, saved, kept up to date.

RFC 9051 §6.4.4, §7.3.4; RFC 5182; RFC 5256 §3; RFC 5267; RFC 7162 §3.1.5; RFC 9394 §3.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from pillarbox.core.faults import Fault
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.chosen import batches
from pillarbox.servers.imap.context import MOST_CONTEXTS, Context, can_be_kept, no_update
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.fetch_answer import tell
from pillarbox.servers.imap.fetch_program import Program
from pillarbox.servers.imap.finding import Finder
from pillarbox.servers.imap.found import Found, told_of
from pillarbox.servers.imap.keep_words import keep_words
from pillarbox.servers.imap.message_limit import cut, from_uid, searched, too_many
from pillarbox.servers.imap.multi_search import asked, line_of, search_elsewhere
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.fetch_item import Plain
from pillarbox.wire.imap.response import string

_encode = msgspec.json.Encoder().encode
_SAVE = frozenset({"SAVE"})
_DENSE = 8  # of so many messages one is found, or more: their numbers are looked up in a table


async def search(session: Session, command: m.Search | m.Sort) -> Done:
    """Find messages, and tell them, in an order if that is asked for."""
    if command.is_modseq_wanted:
        session.enable_condstore()
    if isinstance(command, m.Search) and command.scopes and command.scopes != (m.Scope("selected"),):
        return await search_elsewhere(session, command)
    selected, returned = session.selected, command.returned
    assert selected is not None
    part = cut(session, selected, searched(selected, command.key))
    if part.code:
        if isinstance(command, m.Sort) or (returned is not None and "UPDATE" in returned):
            raise too_many(part.code)  # RFC 9738 §3.3: an order, or a lasting result, is of all or none
        command = replace(command, key=from_uid(command.key, selected.uids[part.spans[0][0]]))
    finder = Finder(session.service.images, session.service.memory)
    if returned is not None and "UPDATE" in returned and session.tag in selected.contexts:
        return bad("A search of this tag is kept up to date")  # RFC 5267 §4.3: "clients MUST NOT reuse tags"
    try:
        found = await session.read(lambda view: finder.in_selected(view, selected, command))
    except Fault:
        if returned is not None and "SAVE" in returned:
            selected.saved = ()  # RFC 5182 §2.1: a NO to a search that saves empties `$`
        raise
    if returned is not None and "SAVE" in returned:
        selected.saved = sorted(told_of(found.uids, returned, command.partial))
    if returned is not None and "UPDATE" in returned:
        _keep(session, selected, finder, command, found)
    word = "SORT" if isinstance(command, m.Sort) else "SEARCH"
    is_old = returned is None and (isinstance(command, m.Sort) or not session.is_rev2)
    if is_old:
        session.say(_old_line(session, selected, found, word, is_uid=command.is_uid))
    elif returned != _SAVE or command.partial is not None:
        session.say(_line(session, selected, found, command))
    await keep_words(session)
    return part.ended(session, ok("Sorted" if word == "SORT" else "Searched"))


def _old_line(session: Session, selected: Selected, found: Found, word: str, *, is_uid: bool) -> bytes:
    """The untagged SEARCH of RFC 3501 §7.2.5, or SORT of RFC 5256 §4."""
    numbers = found.uids if is_uid or session.is_uid_only else numbers_of(selected, found.uids)
    tail = f" (MODSEQ {found.modseq})" if found.modseq else ""
    told = _encode(list(numbers))[1:-1].replace(b",", b" ")  # much faster than joining strings
    return b"* %b%b%b%b\r\n" % (word.encode(), b" " if told else b"", told, tail.encode())


def _line(session: Session, selected: Selected, found: Found, command: m.Search | m.Sort) -> bytes:
    """The untagged ESEARCH (RFC 9051 §7.3.4); of the command ESEARCH it tells where, and nothing of nothing."""
    if isinstance(command, m.Search) and command.scopes:
        return line_of(session, selected.place, selected.uid_validity, found, command) if found.uids else b""
    is_uid = command.is_uid or session.is_uid_only
    numbers = found.uids if is_uid else numbers_of(selected, found.uids)
    words = found.words(numbers, asked(command), command.partial)
    return f"* ESEARCH (TAG {string(session.tag)}){' UID' if is_uid else ''}{words}\r\n".encode()


def numbers_of(selected: Selected, uids: Sequence[int]) -> Sequence[int]:
    """The message numbers of UIDs that the client knows, in their order."""
    known = selected.uids
    if len(uids) * _DENSE > len(known):
        before = known[0] - 1
        if known[-1] - before == len(known):  # no message has gone from between: number and UID go side by side
            return [uid - before for uid in uids] if before else uids
        table = dict(zip(known, range(1, len(known) + 1), strict=True))
        return [table[uid] for uid in uids]
    return [number for uid in uids if (number := selected.number_of(uid)) is not None]


def _keep(session: Session, selected: Selected, finder: Finder, command: m.Search | m.Sort, found: Found) -> None:
    """Keep a result up to date, or say that it is not (RFC 5267 §4.3.1)."""
    if len(selected.contexts) >= MOST_CONTEXTS or not can_be_kept(command.key):
        session.say(no_update(session.tag))
        return

    def find(view: View) -> Sequence[int]:
        return finder.afresh(view, selected, command).uids

    async def fetch(uids: Sequence[int]) -> None:
        """RFC 5465 §7: what is asked for of a message is told when it has come into the result."""
        items = dict.fromkeys((*command.update_items, *((Plain.UID,) if is_uid else ())))
        program = Program(list(items), is_utf8=session.is_utf8, is_uid_only=session.is_uid_only)
        for batch in batches(selected.spans_of(uids), program.batch):
            await tell(session, selected, program, batch)

    is_uid = command.is_uid or session.is_uid_only
    context = Context(session.tag, find, found.uids, is_uid, isinstance(command, m.Sort))
    context.fetch = fetch if command.update_items else None
    selected.contexts[session.tag] = context


async def cancel_update(session: Session, command: m.CancelUpdate) -> Done:
    """Keep results up to date no longer (RFC 5267 §4.3.5)."""
    selected = session.selected
    assert selected is not None
    if any(tag not in selected.contexts for tag in command.tags):
        return bad("No search of such a tag is kept up to date")
    for tag in command.tags:
        selected.contexts.pop(tag, None)
    return ok("No longer kept up to date")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    m.Search: search,
    m.Sort: search,
    m.CancelUpdate: cancel_update,
}
