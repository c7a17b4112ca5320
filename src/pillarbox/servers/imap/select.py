"""SELECT, EXAMINE, CLOSE, UNSELECT and ENABLE (RFC 9051 §6.3.1-§6.3.3, §6.4.1, §6.4.2; RFC 7162)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pillarbox.datatypes.membership import Membership
from pillarbox.servers.imap.capability import ENABLED
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.expunge import remove_deleted
from pillarbox.servers.imap.flag import mailbox_flags
from pillarbox.servers.imap.image import Image
from pillarbox.servers.imap.listing import renamed_line
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.url_auth import MECHANISMS
from pillarbox.servers.imap.vanished import Ranges, earlier, holds, vanished
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap import command as c


class Opened(NamedTuple):
    """What was read of a mailbox that is being selected."""

    place: Place
    image: Image
    first_recent: int
    vanished: Ranges
    rows: Sequence[Membership]


async def select(session: Session, command: c.Select) -> Done:
    """Open a mailbox, and tell what has changed since the client saw it last, if it says when that was."""
    if command.resync is not None and not session.has_qresync:
        # RFC 7162 §3.2.5: without ENABLE "the server MUST respond with a tagged BAD response".
        return bad("Enable QRESYNC first")
    # RFC 9051 §6.3.2: whatever comes of it, no mailbox is selected meanwhile.
    was_selected = session.selected is not None
    await session.leave()
    if was_selected:
        session.say(b"* OK [CLOSED] The mailbox before is closed\r\n")
    if command.condstore:
        session.enable_condstore()
    opened = await session.read(lambda view: _open(session, view, command))
    is_read_only = command.is_read_only or opened.place.access.is_read_only
    selected = Selected(opened.place, opened.image, is_read_only=is_read_only)
    if not session.is_rev2:
        await selected.begin_recent(session.service.recents, opened.first_recent)
    session.select(selected)
    session.say(b"".join(_greet(session, selected, opened, command.mailbox)))
    for piece in _missed(session, selected, opened):
        session.say(piece)
    return ok("The mailbox is open", "READ-ONLY" if is_read_only else "READ-WRITE")


def _open(session: Session, view: Snapshot, command: c.Select) -> Opened:
    place = session.find(view, command.mailbox)
    state = view.container(place.account, place.id)
    image = session.service.images.now(view, place.account, place.id, state)
    resync = command.resync
    if resync is None or resync.uid_validity != image.uid_validity:
        return Opened(place, image, state.first_recent, (), ())
    known = None
    if resync.known_uids is not None:
        known = resync.known_uids.bounded(max(image.uid_next - 1, 1))
    rows = view.memberships(place.account, place.id, since=resync.modseq)
    if known is not None:
        rows = [row for row in rows if holds(known, row.uid)]
    gone = vanished(view, place, image, known, resync.modseq, resync.match)
    return Opened(place, image, state.first_recent, gone, rows)


def _greet(session: Session, selected: Selected, opened: Opened, asked: str) -> Iterator[bytes]:
    image = opened.image
    permanent = "" if selected.is_read_only else f"{mailbox_flags(selected.keywords)} \\*"
    yield f"* {len(image.uids)} EXISTS\r\n".encode()
    if not session.is_rev2:
        yield selected.recent_line()
    yield selected.flags_line()
    yield f"* OK [PERMANENTFLAGS ({permanent})] Flags that stay\r\n".encode()
    yield f"* OK [UIDVALIDITY {image.uid_validity}] UIDs are valid\r\n".encode()
    yield f"* OK [UIDNEXT {image.uid_next}] The next UID\r\n".encode()
    yield f"* OK [HIGHESTMODSEQ {image.modseq}] The last change\r\n".encode()
    yield f"* OK [MAILBOXID ({opened.place.id})] The mailbox\r\n".encode()
    yield f"* OK [{MECHANISMS}] URLs can be authorised\r\n".encode()  # RFC 4467 §8
    if session.is_rev2:
        # RFC 9051 §6.3.2: "a LIST response" with the name of the mailbox.
        yield renamed_line(opened.place.name, asked)


def _missed(session: Session, selected: Selected, opened: Opened) -> Iterator[bytes]:
    # RFC 7162 §3.2.5.1: VANISHED comes before the FETCH responses.
    yield earlier(opened.vanished)
    lines = []
    for row in opened.rows:
        number = selected.number_of(row.uid)
        if number is not None:
            lines.append(selected.flags_of(number, row, session))
    yield "".join(lines).encode()


async def close(session: Session, _command: c.Close) -> Done:
    r"""Remove what has \Deleted, without a word about it, and close."""
    selected = session.selected
    assert selected is not None
    if not selected.is_read_only:
        await remove_deleted(session, selected)
    await session.leave()
    return ok("Closed")


async def unselect(session: Session, _command: c.Unselect) -> Done:
    """Close, and remove nothing."""
    await session.leave()
    return ok("Closed")


async def enable(session: Session, command: c.Enable) -> Done:
    """Switch on what changes how the server speaks (RFC 5161, RFC 9051 §6.3.1)."""
    new = [name for name in dict.fromkeys(command.names) if name in ENABLED and name not in session.enabled]
    for name in new:
        if name in ("CONDSTORE", "QRESYNC"):  # RFC 7162 §3.2.3: who has QRESYNC has CONDSTORE
            session.enable_condstore()
        session.enabled.add(name)
        if name in ("IMAP4REV2", "UTF8=ACCEPT"):
            session.machine.is_utf8 = True
    # RFC 5161 §3.2: what was enabled just now, and nothing that was not.
    session.say(" ".join(["* ENABLED", *(ENABLED[name] for name in new)]).encode() + b"\r\n")
    return ok("Enabled")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Select: select,
    c.Close: close,
    c.Unselect: unselect,
    c.Enable: enable,
}
