"""NOOP, CHECK and IDLE: hearing what has changed (RFC 9051 §6.1.2, §6.3.13; RFC 3501 §6.4.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap import observed, parting
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.faults import answer_to
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
    subscription = session.bridge.feed.subscribe([account])  # before anything is read: nothing is missed
    line = asyncio.ensure_future(session.line.next_line(b"Waiting"))
    failed: Done | None = None
    try:
        while not line.done() and failed is None:
            failed = await _told(session)
            if session.machine.is_closed:
                return ok()
            await _either(line, subscription.next() if failed is None else None)
            if not line.done() and session.is_revoked():
                session.machine.close(parting.REVOKED)
                return ok()
        # RFC 9051 §6.3.13: "The client tells the server to end IDLE by sending DONE".
        said = (await line).strip().upper()
    finally:
        line.cancel()
        subscription.close()
    return bad("DONE was expected") if said != b"DONE" else failed or ok("No longer waiting")


async def _told(session: Session) -> Done | None:
    """Tell what has changed; what the client hears at the end of its IDLE when that goes wrong."""
    try:
        await session.update()
    except ConnectionError:
        raise
    except Fault as fault:
        return answer_to(fault)
    except Exception as error:  # noqa: BLE001 -- the client can answer nothing but DONE now
        observed.FAILED.log(error, command="Idle")
        return answer_to(Fault(Kind.FAILED))
    await session.line.drain()
    return None


async def _either(line: asyncio.Future[bytes], news: Coroutine[Any, Any, object] | None) -> None:
    """Wait for the client, or for something to tell it."""
    tasks: list[asyncio.Future[Any]] = [line]
    if news is not None:
        tasks.append(asyncio.ensure_future(news))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks[1:]:
            task.cancel()


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Noop: noop,
    c.Check: check,
    c.Idle: idle,
}
