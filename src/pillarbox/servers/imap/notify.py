"""NOTIFY: the client says of what it wants to hear, at any time and in any mailbox (RFC 5465 §3.1, §5, §6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.notifier import Notifier
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.wanted import EVENTS, wanted_by
from pillarbox.wire.imap import access_command as a
from pillarbox.wire.imap import command as c


async def notify(session: Session, command: a.Notify) -> Done:
    """Hear of other things from now on; what has changed in the selected mailbox is told at once, as NOOP does."""
    groups = command.groups or ()
    events = {event for group in groups for event in group.events or ()}
    if events - {event.upper() for event in EVENTS}:
        # RFC 5465 §3.1: the code "MUST list names of all events supported by the server".
        return no("There is no such event", f"BADEVENT ({' '.join(EVENTS)})")
    notifier = Notifier(session, wanted_by(groups))
    watched = await notifier.begin()
    if watched > session.service.settings.max_watched:
        return no("That are too many mailboxes", "NOTIFICATIONOVERFLOW")
    session.news.notifier = notifier
    session.news.listen()
    if command.with_status:
        await notifier.tell_status()
    return ok("You will hear of it")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {a.Notify: notify}
