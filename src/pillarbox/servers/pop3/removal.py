"""Deleting, and the end of a session: DELE, RSET, NOOP, QUIT.

Messages go at QUIT, in the state UPDATE, and in no other way (RFC 1939 §3, §6). Sections: RFC 1939 §5, §6.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.pop3 import observed
from pillarbox.servers.pop3.done import Done, no, ok
from pillarbox.servers.pop3.session import Session
from pillarbox.services.mail.flag import remove
from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3.options import State

_STEP = 100  # messages of one transaction: other writers wait for it
_FEW = 10  # fewer are removed sooner than a thread begins


async def dele(session: Session, command: c.Dele) -> Done:
    """Mark a message."""
    if session.is_read_only:
        raise Fault(Kind.ACCOUNT_READ_ONLY)
    session.maildrop.check(command.number)
    session.maildrop.mark(command.number)
    return ok(f"Message {command.number} deleted")


async def rset(session: Session, _command: c.Rset) -> Done:
    """Take all marks back."""
    session.maildrop.unmark()
    count, octets = session.maildrop.total()
    return ok(f"{count} messages ({octets} octets)")


async def noop(_session: Session, _command: c.Noop) -> Done:
    """Do nothing."""
    return ok()


async def quit_(session: Session, _command: c.Quit) -> Done:
    """Remove what is marked, and end. RFC 1939 §6: the maildrop is given back and the connection closed in any case."""
    session.is_over = True
    if session.machine.state is State.AUTHORIZATION:
        return ok("Goodbye")
    ids = session.maildrop.marked_ids()
    try:
        await _remove(session, ids)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the client is told that some are left
        observed.NOT_REMOVED.log(None if isinstance(error, Fault) else error, messages=len(ids), why=_why(error))
        return no("Some deleted messages were not removed", "SYS/TEMP")
    finally:
        session.close()
    return ok("Goodbye")


async def _remove(session: Session, ids: list[str]) -> None:
    """Remove messages from the inbox. What somebody else has removed meanwhile is where it should be. Raises Fault."""
    account, mailbox = session.maildrop.account, session.maildrop.mailbox
    for start in range(0, len(ids), _STEP):
        if await session.is_revoked() or session.is_read_only:
            raise Fault(Kind.ACCOUNT_READ_ONLY)
        step = ids[start : start + _STEP]
        body = partial(remove, account=account, mailbox=mailbox, ids=step)
        gone = await session.bridge.write(body, slow=len(step) > _FEW, account=account)
        observed.MESSAGES.add(len(gone), "removed")


def _why(error: Exception) -> str:
    return error.kind.value if isinstance(error, Fault) else type(error).__name__


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Dele: dele,
    c.Rset: rset,
    c.Noop: noop,
    c.Quit: quit_,
}
