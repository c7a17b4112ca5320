r"""Reading the maildrop: STAT, LIST, UIDL, RETR, TOP.

Fetching a message does not make it \Seen: a program took it, and nobody has read it yet. Sections: RFC 1939 §5, §7.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from itertools import islice
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.view import View
from pillarbox.net.blob_pieces import BlobMissing, blob_pieces
from pillarbox.servers.pop3 import observed
from pillarbox.servers.pop3.done import Done, ok
from pillarbox.servers.pop3.session import Session
from pillarbox.services.blob_access import Extent, extent
from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3 import reply
from pillarbox.wire.pop3.content import Content

_LINES = 2_000  # of a listing, that are in memory at a time


async def stat(session: Session, _command: c.Stat) -> Done:
    """How much there is."""
    count, octets = session.maildrop.total()
    return ok(f"{count} {octets}")


async def list_(session: Session, command: c.List) -> Done:
    """The size of a message, or of each."""
    maildrop = session.maildrop
    if command.number is not None:
        maildrop.check(command.number)
        return ok(f"{command.number} {maildrop.size(command.number)}")
    count, octets = maildrop.total()
    return await _list(session, f"{count} messages ({octets} octets)", maildrop.size)


async def uidl(session: Session, command: c.Uidl) -> Done:
    """The unique-id of a message, or of each."""
    maildrop = session.maildrop
    if command.number is not None:
        maildrop.check(command.number)
        return ok(f"{command.number} {maildrop.id(command.number)}")
    return await _list(session, "These are the unique-ids", maildrop.id)


async def _list(session: Session, text: str, value: Callable[[int], object]) -> Done:
    numbers: Iterator[int] = session.maildrop.numbers()
    session.begin(reply.ok(text))
    while some := [f"{number} {value(number)}" for number in islice(numbers, _LINES)]:
        await session.send(reply.lines(some))
    return Done(reply.END)


async def retr(session: Session, command: c.Retr) -> Done:
    """A message."""
    return await _send(session, command.number, Content())


async def top(session: Session, command: c.Top) -> Done:
    """The header of a message, and the first lines of its body."""
    return await _send(session, command.number, Content(command.lines))


async def _send(session: Session, number: int, content: Content) -> Done:
    maildrop = session.maildrop
    maildrop.check(number)
    found = await session.read(_find(maildrop.account, maildrop.id(number)))
    first = reply.ok(f"{maildrop.size(number)} octets")
    if isinstance(found, bytes):
        observed.MESSAGES.count("sent")
        return Done(first + content.feed(found) + content.end())
    try:
        async with aclosing(blob_pieces(session.bridge, found.blob, found.start, found.end)) as pieces:
            async for piece in pieces:
                if not session.has_begun:
                    session.begin(first)
                await session.send(content.feed(piece))
                if content.is_complete:
                    break
    except BlobMissing:
        if session.has_begun:
            raise
        raise Fault(Kind.UNAVAILABLE) from None
    observed.MESSAGES.count("sent")
    return Done(content.end())


def _find(account: str, id: str) -> Callable[[View], bytes | Extent]:
    """The octets of a message, or where they are when they are many."""

    def body(view: View) -> bytes | Extent:
        email = view.get(EMAIL, account, id)
        if email is None:
            raise Fault(Kind.NOT_FOUND, "Somebody else has removed this message")
        found = extent(view, account, email.blob_id) or view.read_blob(account, email.blob_id)
        if found is None:
            raise Fault(Kind.UNAVAILABLE)
        return found

    return body


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Stat: stat,
    c.List: list_,
    c.Uidl: uidl,
    c.Retr: retr,
    c.Top: top,
}
