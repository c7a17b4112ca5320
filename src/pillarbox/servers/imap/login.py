"""Coming and going: CAPABILITY, ID, STARTTLS, AUTHENTICATE, LOGIN, LOGOUT, UNAUTHENTICATE, COMPRESS.

RFC 9051 §6.1, §6.2; RFC 4959; RFC 4978; RFC 8437.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox import __version__
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.servers.imap import parting
from pillarbox.servers.imap.capability import capabilities
from pillarbox.servers.imap.done import Done, bad, no, ok
from pillarbox.servers.imap.session import Session
from pillarbox.services.login import Exchange, LoggedIn
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap.response import string
from pillarbox.wire.sasl import base64_line
from pillarbox.wire.sasl.step import Challenge, Malformed

_NOT_TAKEN = no("The name or the password is wrong", "AUTHENTICATIONFAILED")


async def capability(session: Session, _command: c.Capability) -> Done:
    """Say what the server can do."""
    session.say(f"* CAPABILITY {capabilities(session)}\r\n".encode())
    return ok("These are the capabilities")


async def id_(session: Session, _command: c.Id) -> Done:
    """Tell who we are. What the client says of itself is not believed, and not kept (RFC 2971 §4)."""
    session.say(f'* ID ("name" "Pillarbox" "version" {string(__version__)})\r\n'.encode())
    return ok("Nice to meet you")


async def start_tls(session: Session, _command: c.StartTls) -> Done:
    """Go on over TLS; whatever was sent ahead of it is forgotten (RFC 9051 §6.2.1)."""
    if not session.line.can_start_tls:
        return bad("TLS is not to be had here")
    session.wants_tls = True  # it begins after the tagged response
    return ok("Begin")


async def authenticate(session: Session, command: c.Authenticate) -> Done:
    """Log in by SASL (RFC 9051 §6.2.2)."""
    try:
        exchange = session.service.logins.begin(command.mechanism, session.channel, MAIL)
    except Fault as fault:
        return no(str(fault), "CANNOT" if session.mechanisms else "PRIVACYREQUIRED")
    try:
        return await _converse(session, exchange, command.initial)
    except Fault as fault:
        return _refusal(fault)


async def _converse(session: Session, exchange: Exchange, response: bytes | None) -> Done:
    while True:
        body = exchange.respond(response)
        step = await session.bridge.read(body, slow=True)
        if not isinstance(step, Challenge):
            return _welcome(session, step)
        answer = await session.line.next_line(base64_line.encode(step.data))
        if answer == b"*":  # RFC 9051 §6.2.2: the client takes it back
            return bad("Given up")
        try:
            response = base64_line.decode(answer)
        except Malformed as malformed:
            return bad(str(malformed))


async def log_in(session: Session, command: c.Login) -> Done:
    """Log in by name and password (RFC 9051 §6.2.3)."""
    if not session.mechanisms:
        return no("Log in over TLS", "PRIVACYREQUIRED")
    logins, channel = session.service.logins, session.channel
    try:
        body = lambda view: logins.log_in(view, command.username, command.password, channel, MAIL)  # noqa: E731
        return _welcome(session, await session.bridge.read(body, slow=True))
    except Fault as fault:
        return _refusal(fault)


def _welcome(session: Session, logged_in: LoggedIn) -> Done:
    session.log_in(logged_in)
    return ok("Logged in", f"CAPABILITY {capabilities(session)}")


def _refusal(fault: Fault) -> Done:
    """RFC 9051 §7.1: why a login was refused, but not whether there is anybody of that name."""
    if fault.kind is Kind.RATE_LIMIT:
        return no("Too many failures; try again later", "UNAVAILABLE")
    if fault.kind is Kind.ACCOUNT_NOT_FOUND:
        return no(str(fault), "AUTHORIZATIONFAILED")
    if fault.kind is Kind.INVALID_ARGUMENTS:
        return bad(str(fault))
    if fault.kind is Kind.FORBIDDEN:
        return _NOT_TAKEN
    raise fault


async def log_out(session: Session, _command: c.Logout) -> Done:
    """End the conversation (RFC 9051 §6.1.3)."""
    session.say(parting.GOODBYE)
    await session.leave()
    session.is_over = True
    return ok("Logged out")


async def unauthenticate(session: Session, _command: c.Unauthenticate) -> Done:
    """Be nobody again (RFC 8437)."""
    session.forget()
    return ok("Nobody is logged in")


async def compress(session: Session, _command: c.Compress) -> Done:
    """Compress both ways from the next octet on (RFC 4978). Strangers get no memory for it."""
    if session.logged_in is None:
        return no("Log in first", "CANNOT")
    if session.is_compressed:
        return no("It is compressed already", "COMPRESSIONACTIVE")
    session.wants_compression = True  # it begins after the tagged response
    return ok("Compressing")


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Capability: capability,
    c.Id: id_,
    c.StartTls: start_tls,
    c.Authenticate: authenticate,
    c.Login: log_in,
    c.Logout: log_out,
    c.Unauthenticate: unauthenticate,
    c.Compress: compress,
}
