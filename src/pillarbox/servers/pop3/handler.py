"""Which function carries out which command, and what happens around every one of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.operation import Operation, become
from pillarbox.core.slow import finish
from pillarbox.servers.pop3 import login, observed, reading, removal
from pillarbox.servers.pop3.done import Done
from pillarbox.servers.pop3.faults import reply_to
from pillarbox.servers.pop3.session import ClientGone, Session
from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3.reply import err

Handler = Callable[[Session, Any], Awaitable[Done]]

HANDLERS: Mapping[type[c.Command], Handler] = {**login.HANDLERS, **reading.HANDLERS, **removal.HANDLERS}


async def carry_out(session: Session, command: c.Command) -> None:
    """Do what was asked, and say how it ended; never raises but for cancellation."""
    operation = Operation("pop3", session.bridge.store.ids.new("x"), str, session.wire.peer_address)
    become(operation)
    operation.name = type(command).__name__.lower()
    session.note_login()
    done = await _answer(session, command)
    observed.COMMANDS.count("ok" if done.is_ok else "err")
    observed.COMMAND_SECONDS.observe(finish(operation, "ok" if done.is_ok else "err"))
    if done.is_mistake:
        session.machine.refuse(done.data)
    else:
        session.machine.send(done.data)


async def _answer(session: Session, command: c.Command) -> Done:
    session.has_begun = False
    try:
        if await session.is_revoked():
            session.is_over = True
            return Done(err("The login no longer holds", "AUTH"), is_ok=False)
        return await HANDLERS[type(command)](session, command)
    except ClientGone:
        session.is_over = True
        return Done(b"", is_ok=False)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the client is told, and the connection lives
        fault = error if isinstance(error, Fault) else Fault(Kind.FAILED)
        if error is not fault:
            observed.FAILED.log(error, command=type(command).__name__)
    if session.has_begun:  # the client must not take what it has got for a whole
        session.is_over = True
        return Done(b"", is_ok=False)
    return Done(reply_to(fault), is_ok=False)
