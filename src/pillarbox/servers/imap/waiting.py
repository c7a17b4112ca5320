"""NOOP, CHECK and IDLE: hearing what has changed (RFC 9051 §6.1.2, §6.3.13; RFC 3501 §6.4.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c


async def noop(_session: Session, _command: c.Noop) -> Done:
    """Nothing; what has changed is told after every command."""
    return ok("Nothing was done")


async def check(_session: Session, _command: c.Check) -> Done:
    """What was stored is on stable storage already."""
    return ok("Everything is stored")


async def idle(session: Session, _command: c.Idle) -> None:
    """Begin to tell what changes, until the client says DONE; nobody waits meanwhile but the feed of changes."""
    session.news.is_idle, session.news.failed = True, None
    session.news.listen()


def done_idling(session: Session, line: bytes) -> Done:
    """The client's next line has come: how its IDLE ends."""
    session.news.is_idle = False
    session.news.listen()
    # RFC 9051 §6.3.13: "The client tells the server to end IDLE by sending DONE".
    if line.strip().upper() != b"DONE":
        return bad("DONE was expected")
    return session.news.failed or ok("No longer waiting")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done | None]]] = {
    c.Noop: noop,
    c.Check: check,
    c.Idle: idle,
}
