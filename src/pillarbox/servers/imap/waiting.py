"""NOOP, CHECK and IDLE: hearing what has changed (RFC 9051 §6.1.2, §6.3.13; RFC 3501 §6.4.1)."""

from __future__ import annotations

import asyncio
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


async def idle(session: Session, _command: c.Idle) -> Done:
    """Tell what changes until the client says DONE."""
    selected = session.selected
    account = selected.place.account if selected is not None else session.access.account
    subscription = session.bridge.feed.subscribe([account])
    line = asyncio.ensure_future(session.line.next_line(b"Waiting"))
    try:
        while True:
            await session.update()
            await session.line.drain()
            if session.machine.is_closed:
                return ok()
            news = asyncio.ensure_future(subscription.next())
            try:
                await asyncio.wait((line, news), return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
            if line.done():
                break
            if session.is_revoked():
                session.machine.close(b"* BYE The login no longer holds\r\n")
                return ok()
        # RFC 9051 §6.3.13: "The client tells the server to end IDLE by sending DONE".
        return ok("No longer waiting") if line.result().strip().upper() == b"DONE" else bad("DONE was expected")
    finally:
        line.cancel()
        subscription.close()


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Noop: noop,
    c.Check: check,
    c.Idle: idle,
}
