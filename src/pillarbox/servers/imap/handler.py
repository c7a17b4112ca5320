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
    acl,
    append,
    copying,
    expunge,
    fetch,
    jmap_access,
    listing,
    login,
    mailbox,
    metadata,
    metadata_change,
    notify,
    observed,
    quota,
    search,
    select,
    status,
    store,
    threading,
    uid_batches,
    url_auth,
    waiting,
)
from pillarbox.servers.imap.done import Done, Ended, bad
from pillarbox.servers.imap.faults import answer_to
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.stored_filter import with_filters
from pillarbox.servers.imap.uid_only import is_by_number, refusal
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m

Handler = Callable[[Session, Any], Awaitable[Done | None]]

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
    **threading.HANDLERS,
    **uid_batches.HANDLERS,
    **acl.HANDLERS,
    **quota.HANDLERS,
    **metadata.HANDLERS,
    **metadata_change.HANDLERS,
    **notify.HANDLERS,
    **jmap_access.HANDLERS,
    **url_auth.HANDLERS,
}
# While these run, the client counts messages by the numbers it knows: no removal may be told (RFC 9051 §7.5.1).
_NUMBERED = (m.Fetch, m.Store, m.Search, m.Sort, m.Thread)
_SEARCHING = (m.Search, m.Sort, m.Thread)
# What these do to the selected mailbox is told, even to who wants to hear of no changes (RFC 5465 §3.1).
_REMOVING = (m.Expunge, m.Copy, m.Replace)


async def carry_out(session: Session, tag: str, command: c.Command) -> None:
    """Do what was asked, say what has changed, and how it ended. Whatever goes wrong, the conversation can go on."""
    session.tag, session.progress = tag, None
    if (farewell := await session.farewell()) is not None:
        session.machine.close(farewell)
        return
    began = perf_counter()
    try:
        done = await _done(session, command)
        if done is None:
            return
        await _tell(session, command)
    except ConnectionError:
        return
    _end(session, done)
    observed.COMMAND_SECONDS.observe(perf_counter() - began)


async def end_idle(session: Session, line: bytes) -> None:
    """End IDLE with what the client has said."""
    done = waiting.done_idling(session, line)
    if (farewell := await session.farewell()) is not None:
        session.machine.close(farewell)
        return
    try:
        await _tell(session, c.Idle())
    except ConnectionError:
        return
    _end(session, done)


def _end(session: Session, done: Done) -> None:
    if not session.machine.is_closed:
        observed.COMMANDS.count(done.status.lower())
        session.machine.send(done.line(session.tag))


async def _done(session: Session, command: c.Command) -> Done | None:
    """How a command ended; None for IDLE, which has begun."""
    handler = HANDLERS.get(type(command))
    if handler is None:
        return bad("This command is not known here")
    if session.is_uid_only and (refused := refusal(command)) is not None:
        return refused
    try:
        if isinstance(command, _SEARCHING):
            command = await with_filters(session, command)
        return await handler(session, command)
    except Ended as ended:
        return ended.done
    except Fault as fault:
        return answer_to(fault)
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, the client is told, and the connection lives
        observed.FAILED.log(error, command=type(command).__name__)
        return answer_to(Fault(Kind.FAILED))


async def _tell(session: Session, command: c.Command) -> None:
    """Say what has changed. If that cannot be read, the next command tells it: this one has ended as it has."""
    if session.machine.is_closed:
        return
    is_numbered = isinstance(command, _NUMBERED) and is_by_number(command)
    try:
        # What happened while a mailbox was opened is told by the next command: until SELECT has ended, a client takes
        # all that it hears for the state that it begins with.
        if not isinstance(command, c.Select):
            await session.news.update(may_expunge=not is_numbered, is_owed=isinstance(command, _REMOVING))
        await session.news.notify()
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 -- as above
        observed.FAILED.log(error, command=type(command).__name__)
