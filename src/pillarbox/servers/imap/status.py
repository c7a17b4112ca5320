"""STATUS (RFC 9051 §6.3.11; RFC 7162 §3.1.2; RFC 8474 §4.3; RFC 8438; RFC 7889; RFC 9208 §4.1.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pillarbox.servers.imap.done import Done, ok
from pillarbox.servers.imap.image import Totals
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.session import Session
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import mailbox as mailbox_word
from pillarbox.wire.imap.response import to_bytes

# Items that are sums over the messages.
_TOTALS: Mapping[str, Callable[[Totals], int]] = {
    "MESSAGES": lambda totals: totals.messages,
    "UNSEEN": lambda totals: totals.unseen,
    "DELETED": lambda totals: totals.deleted,
    "SIZE": lambda totals: totals.octets,
    "DELETED-STORAGE": lambda totals: totals.deleted_octets,
}


async def status(session: Session, command: c.Status) -> Done:
    """Tell of a mailbox without opening it."""

    def body(view: Snapshot) -> bytes:
        place = session.find(view, command.mailbox)
        return status_line(session, view, place, command.items)

    if "HIGHESTMODSEQ" in command.items:
        session.enable_condstore()  # RFC 7162 §3.1: asking for it enables it
    session.say(await session.read(body))
    return ok("That is how it is")


def status_line(session: Session, view: Snapshot, place: Place, items: Sequence[str]) -> bytes:
    """The untagged STATUS of a mailbox."""
    state = view.container(place.account, place.id)
    totals = session.service.images.totals(view, place.account, place.id) if _TOTALS.keys() & set(items) else None
    first_recent = session.service.recents.first(place, state.first_recent)
    values: list[str] = []
    for item in items:
        if item in _TOTALS:
            assert totals is not None
            value = str(_TOTALS[item](totals))
        elif item == "UIDNEXT":
            value = str(state.uid_next)
        elif item == "UIDVALIDITY":
            value = str(state.uid_validity)
        elif item == "HIGHESTMODSEQ":
            value = str(state.modseq)
        elif item == "MAILBOXID":
            value = f"({place.id})"
        elif item == "APPENDLIMIT":
            value = str(session.service.settings.max_message)
        else:  # RECENT, which reads the mailbox's uids only where something is
            has_recent = first_recent < state.uid_next and not session.is_rev2
            uids = session.service.images.now(view, place.account, place.id, state).uids if has_recent else ()
            value = str(len(uids) - bisect_left(uids, first_recent))
        values.append(f"{item} {value}")
    name = mailbox_word(place.name, is_utf8=session.is_utf8)
    return to_bytes(f"* STATUS {name} ({' '.join(values)})\r\n")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {c.Status: status}
