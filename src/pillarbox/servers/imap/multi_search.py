"""ESEARCH: a search in several mailboxes, of which none need be selected (RFC 7377 §2)."""

from __future__ import annotations

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap.context import can_be_kept
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.finding import Finder
from pillarbox.servers.imap.found import Found
from pillarbox.servers.imap.keep_words import keep_words
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.scope import places_in
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.response import mailbox as mailbox_word
from pillarbox.wire.imap.response import string

_ALL = frozenset({"ALL"})
_HINT = frozenset({"CONTEXT"})


async def search_elsewhere(session: Session, command: m.Search) -> Done:
    """A line for each mailbox in which something was found (RFC 7377 §2.1: "MUST NOT" for one in which nothing was)."""
    places = await session.read(lambda view: places_in(session, view, command.scopes))
    if not can_be_kept(command.key):
        return bad("Only UIDs have a meaning in other mailboxes")
    for at, place in enumerate(places):
        session.progress = at, len(places)
        try:
            session.say(await session.read(lambda view, place=place: _line(session, view, place, command)))  # type: ignore[misc]
        except Fault as fault:
            if fault.kind is not Kind.NOT_FOUND:  # it was deleted a moment ago
                raise
        await session.line.drain()
    await keep_words(session)
    return ok("Searched")


def _line(session: Session, view: Snapshot, place: Place, command: m.Search) -> bytes:
    finder = Finder(session.service.images, session.service.memory)
    image, uids = finder.in_mailbox(view, place.account, place.id, command.key)
    selected = session.selected
    if selected is not None and selected.place.id == place.id:
        uids = [uid for uid in uids if uid < selected.uid_next]  # what is new has to be told first
    if not uids:
        return b""
    modseq = 0
    if command.is_modseq_wanted:
        modseq = max((row.modseq for row in view.memberships_of(place.account, place.id, uids)), default=0)
    return line_of(session, place, image.uid_validity, Found(uids, modseq), command)


def line_of(session: Session, place: Place, uid_validity: int, found: Found, command: m.Search) -> bytes:
    """What is told of one mailbox."""
    name = mailbox_word(place.name, is_utf8=session.is_utf8)
    where = f"(TAG {string(session.tag)} MAILBOX {name} UIDVALIDITY {uid_validity})"
    words = found.words(found.uids, asked(command), command.partial)
    return f"* ESEARCH {where} UID{words}\r\n".encode()


def asked(command: m.Search | m.Sort) -> frozenset[str]:
    """What is to be told: ALL when nothing is said (RFC 4731 §3.1); CONTEXT says nothing (RFC 5267 §4.2)."""
    returned = (command.returned or frozenset()) - _HINT
    return returned if returned or command.partial is not None else _ALL
