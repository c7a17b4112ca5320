"""Which function carries out which command, and what happens around every one of them.

RFC 9051 §5.2, §7.5.1: what has changed is told before the tagged response; removals are not told while message numbers
are in use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap import (
    append,
    copying,
    expunge,
    fetch,
    listing,
    login,
    mailbox,
    observed,
    search,
    select,
    sorting,
    status,
    store,
    threading,
    waiting,
)
from pillarbox.servers.imap.done import Done, bad
from pillarbox.servers.imap.faults import answer_to
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m

Handler = Callable[[Session, Any], Awaitable[Done]]

HANDLERS: Mapping[type[c.Command], Handler] = {
    **login.HANDLERS,
    **select.HANDLERS,
    **waiting.HANDLERS,
    **mailbox.HANDLERS,
    **listing.HANDLERS,
    **status.HANDLERS,
    **append.HANDLERS,
    **fetch.HANDLERS,
    **store.HANDLERS,
    **expunge.HANDLERS,
    **copying.HANDLERS,
    **search.HANDLERS,
    **sorting.HANDLERS,
    **threading.HANDLERS,
}
# While these run, the client counts messages by the numbers it knows: no removal may be told (RFC 9051 §7.5.1).
_NUMBERED = (m.Fetch, m.Store, m.Search, m.Sort, m.Thread)


async def carry_out(session: Session, tag: str, command: c.Command) -> None:
    """Do what was asked, say what has changed, and how it ended."""
    began = perf_counter()
    session.tag = tag
    handler = HANDLERS.get(type(command))
    try:
        if session.is_revoked():
            session.machine.close(b"* BYE The login no longer holds\r\n")
            return
        done = await handler(session, command) if handler is not None else bad("This command is not known here")
        if not session.machine.is_closed and session.selected is not None:
            is_numbered = isinstance(command, _NUMBERED) and not getattr(command, "is_uid", False)
            await session.update(may_expunge=not is_numbered)
    except Fault as fault:
        done = answer_to(fault)
    except ConnectionError:
        return
    except Exception as error:  # noqa: BLE001 -- whatever it is, the client is told, and the connection lives
        observed.FAILED.log(error, command=type(command).__name__)
        done = answer_to(Fault(Kind.FAILED))
    observed.COMMANDS.count(done.status.lower())
    if not isinstance(command, c.Idle):
        observed.COMMAND_SECONDS.observe(perf_counter() - began)
    session.machine.send(done.line(tag))
