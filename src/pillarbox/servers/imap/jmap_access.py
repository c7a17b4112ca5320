"""GETJMAPACCESS: where the same mail is to be had by JMAP, with the same ids and the same passwords (RFC 9698)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import string


async def get_jmap_access(session: Session, _command: c.GetJmapAccess) -> Done:
    """Tell the address of JMAP's session."""
    url = session.service.settings.jmap_url
    if url is None:
        # RFC 9698 §4: "the server MUST respond with a tagged BAD response" when it knows of none.
        return bad("It is not known under which URL clients reach JMAP")
    session.say(f"* JMAPACCESS {string(url)}\r\n".encode())
    return ok("There it is")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {c.GetJmapAccess: get_jmap_access}
