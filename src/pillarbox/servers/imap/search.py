"""SEARCH and UID SEARCH, and ESEARCH in other mailboxes (RFC 9051 §6.4.4, §7.3.4; RFC 5182; RFC 7377; RFC 9394)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.found import Found, partial_of
from pillarbox.servers.imap.scope import places_in
from pillarbox.servers.imap.search_program import Search
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.response import mailbox as mailbox_word
from pillarbox.wire.imap.response import string

_ALL = frozenset({"ALL"})


async def search(session: Session, command: m.Search) -> Done:
    """Find messages."""
    if command.is_modseq_wanted:
        session.enable_condstore()
    if command.scopes:
        return await _search_elsewhere(session, command)
    selected = session.selected
    assert selected is not None
    found = await session.read(lambda view: find(view, selected, command))
    if command.returned is not None and "SAVE" in command.returned:
        save(selected, found, command)
    if command.returned is None and not session.is_rev2:
        session.say(_old_line(session, selected, found, command))
    elif command.returned != frozenset({"SAVE"}) or command.partial is not None:
        session.say(extended_line(session, selected, found, command))
    return ok("Searched")


def find(view: Snapshot, selected: Selected, command: m.Search | m.Sort | m.Thread) -> Found:
    """The messages of the selected mailbox that are found, of those that the client knows."""
    place = selected.place
    uids = Search(view, place.account, place.id, known=selected.uids, saved=selected.saved).run(command.key)
    uids = [uid for uid in uids if uid < selected.uid_next and selected.number_of(uid) is not None]
    modseq = 0
    if not isinstance(command, m.Thread) and command.is_modseq_wanted and uids:
        modseq = max((row.modseq for row in view.memberships_of(place.account, place.id, uids)), default=0)
    return Found(uids, modseq)


def save(selected: Selected, found: Found, command: m.Search | m.Sort) -> None:
    """Keep what was found as `$` (RFC 5182 §2.1): with MIN or MAX alone only those."""
    returned = command.returned or frozenset()
    if returned & {"ALL", "COUNT"} or not returned & {"MIN", "MAX"}:
        selected.saved = partial_of(found.uids, command.partial) if command.partial is not None else found.uids
    else:
        ends = {found.uids[0]} if found.uids and "MIN" in returned else set()
        selected.saved = sorted(ends | ({found.uids[-1]} if found.uids and "MAX" in returned else set()))


def _old_line(session: Session, selected: Selected, found: Found, command: m.Search) -> bytes:
    """The untagged SEARCH of RFC 3501 §7.2.5."""
    numbers = found.uids if command.is_uid or session.is_uid_only else _numbers(selected, found.uids)
    words = "".join([f" {number}" for number in numbers])
    tail = f" (MODSEQ {found.modseq})" if found.modseq else ""
    return f"* SEARCH{words}{tail}\r\n".encode()


def extended_line(session: Session, selected: Selected, found: Found, command: m.Search | m.Sort) -> bytes:
    """The untagged ESEARCH (RFC 9051 §7.3.4)."""
    is_uid = command.is_uid or session.is_uid_only
    numbers = found.uids if is_uid else _numbers(selected, found.uids)
    returned = command.returned or (frozenset() if command.partial is not None else _ALL)
    head = f"* ESEARCH (TAG {string(session.tag)}){' UID' if is_uid else ''}"
    return f"{head}{found.words(numbers, returned, command.partial)}\r\n".encode()


def _numbers(selected: Selected, uids: Sequence[int]) -> list[int]:
    return [number for uid in uids if (number := selected.number_of(uid)) is not None]


async def _search_elsewhere(session: Session, command: m.Search) -> Done:
    """ESEARCH: a line for each mailbox in which something was found (RFC 7377 §2.1)."""
    selected, returned = session.selected, command.returned or _ALL
    if "SAVE" in returned:
        return bad("SAVE is for the selected mailbox")

    def body(view: Snapshot) -> list[str]:
        lines = []
        for place in places_in(session, view, command.scopes):
            is_selected = selected is not None and selected.place.id == place.id
            known = selected.uids if is_selected and selected is not None else ()
            uids = Search(view, place.account, place.id, known=known).run(command.key)
            if not uids:
                continue
            state = view.container(place.account, place.id)
            name = mailbox_word(place.name, is_utf8=session.is_utf8)
            where = f"(TAG {string(session.tag)} MAILBOX {name} UIDVALIDITY {state.uid_validity})"
            lines.append(f"* ESEARCH {where} UID{Found(uids, 0).words(uids, returned, command.partial)}\r\n")
        return lines

    session.say("".join(await session.read(body)).encode())
    return ok("Searched")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Search: search}
