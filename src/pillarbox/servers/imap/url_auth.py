"""GENURLAUTH, URLFETCH and RESETKEY: URLs by which others may read a message (RFC 4467 §7, §8; RFC 5524)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Mapping
from functools import partial
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.imap.done import Done, bad, ok
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.url_access import Asker, Content, authorize, content_by_url, read_by_url, reset_keys
from pillarbox.wire.imap import access_command as a
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.authorized_url import INTERNAL
from pillarbox.wire.imap.message_url import BadUrl
from pillarbox.wire.imap.response import astring, literal, literal8

MECHANISMS = f"URLMECH {INTERNAL}"


async def generate(session: Session, command: a.GenUrlAuth) -> Done:
    """Authorise URLs, all or none."""
    if any(mechanism != INTERNAL for _, mechanism in command.pairs):
        return bad("This mechanism is not known here")
    account = _own(session)
    if account is None:
        return bad("Only what one may read oneself can be lent")
    rumps = [rump for rump, _ in command.pairs]
    try:
        urls = await session.news.write(lambda tx: authorize(tx, account, rumps), account)
    except BadUrl:
        # RFC 4467 §7: "the server MUST return a tagged BAD response".
        return bad("This is no URL of a message that you may lend")
    session.say(f"* GENURLAUTH {' '.join(map(astring, urls))}\r\n".encode())
    return ok("Authorised")


async def fetch(session: Session, command: a.UrlFetch) -> Done:
    """Tell what URLs name, NIL for those that open nothing for this user."""
    assert session.logged_in is not None
    asker = Asker(session.logged_in.caller.username)
    for wanted in command.urls:
        data = await (_extended if wanted.items else _simple)(session, wanted, asker)
        session.say(b"* URLFETCH %b %b\r\n" % (astring(wanted.url).encode("utf-8", "surrogateescape"), data))
        await session.line.drain()
    return ok("Fetched")


async def _simple(session: Session, wanted: a.FetchedUrl, asker: Asker) -> bytes:
    octets = await session.read(partial(read_by_url, text=wanted.url, asker=asker), slow=True)
    return literal(octets) if octets is not None else b"NIL"


async def _extended(session: Session, wanted: a.FetchedUrl, asker: Asker) -> bytes:
    read = partial(content_by_url, text=wanted.url, asker=asker, items=wanted.items, is_utf8=session.is_utf8)
    content = await session.read(read, slow=True)
    return _metadata(content, wanted.items) if content is not None else b"NIL"


def _metadata(content: Content, items: Container[str]) -> bytes:
    """The items in parentheses; NIL when there is none, as of the structure of a header (RFC 5524 §3.2, §5)."""
    told = []
    if content.structure is not None:
        told.append(b"(BODYPARTSTRUCTURE %b)" % content.structure)
    if "BINARY" in items:
        told.append(b"(BINARY %b)" % (literal8(content.octets) if content.octets is not None else b"NIL"))
    elif "BODY" in items:
        told.append(b"(BODY %b)" % (literal(content.octets) if content.octets is not None else b"NIL"))
    return b" ".join(told) or b"NIL"


async def reset(session: Session, command: a.ResetKey) -> Done:
    """Take back all URLs that were authorised for a mailbox, or for all."""
    if any(mechanism != INTERNAL for mechanism in command.mechanisms):
        return bad("This mechanism is not known here")
    account = _own(session)
    if account is None:
        raise Fault(Kind.FORBIDDEN, "You have lent nothing here")
    await session.news.write(lambda tx: reset_keys(tx, account, session.accounts, command.mailbox), account)
    return ok("Taken back", MECHANISMS if command.mailbox is not None else "")


def _own(session: Session) -> str | None:
    """The account of who has logged in, unless they act as another one."""
    assert session.logged_in is not None
    account = session.logged_in.caller.account
    return account if session.access.account == account else None


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    a.GenUrlAuth: generate,
    a.UrlFetch: fetch,
    a.ResetKey: reset,
}
