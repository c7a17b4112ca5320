"""Coming in: CAPA, LANG, UTF8, STLS, USER, PASS, AUTH.

Sections: RFC 1939 §4, §7; RFC 2449; RFC 2595 §4; RFC 5034; RFC 6856.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.servers.pop3.done import Done, no, ok
from pillarbox.servers.pop3.maildrop import open_maildrop
from pillarbox.servers.pop3.session import Session
from pillarbox.services.login import Exchange, LoggedIn
from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3 import reply
from pillarbox.wire.sasl import base64_line
from pillarbox.wire.sasl.step import Challenge, Malformed

# RFC 6856 §3: the languages that replies come in; i-default is what they begin with (RFC 2277 §4.5).
_LANGUAGES = {"en": "English", "i-default": "Default language"}
_NEEDS_TLS = no("Log in over TLS")


def capabilities(session: Session) -> list[str]:
    """What CAPA tells, true in each state (RFC 2449 §5, §6)."""
    mechanisms = session.mechanisms
    words = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG"]
    if mechanisms:
        words += ["USER", f"SASL {' '.join(mechanisms)}"]
    if session.logged_in is None and session.wire.can_start_tls:
        words.append("STLS")
    return [*words, "IMPLEMENTATION Pillarbox"]


async def capa(session: Session, _command: c.Capa) -> Done:
    """Say what the server can do."""
    return _listed("These are the capabilities", capabilities(session))


async def lang(_session: Session, command: c.Lang) -> Done:
    """Choose a language; there is not much to choose from (RFC 6856 §3)."""
    if command.tag is None:
        return _listed("Languages are", [f"{tag} {name}" for tag, name in _LANGUAGES.items()])
    wanted = "en" if command.tag == "*" else command.tag.lower()
    # RFC 4647 §3.4: a more special one that we do not have is answered by the more general.
    while wanted not in _LANGUAGES and "-" in wanted:
        wanted = wanted.rpartition("-")[0]
    return (
        ok(f"{wanted} Replies are in this language") if wanted in _LANGUAGES else no("There is no such language here")
    )


async def utf8(session: Session, _command: c.Utf8) -> Done:
    """Let the client have UTF-8 in header fields, which it gets as they were received in any case (RFC 6856 §2)."""
    session.is_utf8 = True
    return ok("UTF-8")


async def stls(session: Session, _command: c.Stls) -> Done:
    """Go on over TLS; whatever was sent ahead of it is forgotten (RFC 2595 §4)."""
    if session.wire.is_encrypted:
        return no("There is TLS already")
    if not session.wire.can_start_tls:
        return no("TLS is not to be had here")
    if session.is_utf8:  # RFC 6856 §2.1: it "MUST NOT" come after UTF8
        return no("STLS has to come before UTF8")
    session.wants_tls = True  # it begins after the reply
    return ok("Begin")


async def user(session: Session, command: c.User) -> Done:
    """Keep the name for PASS. Whether anybody has it is not told (RFC 1939 §7 lets us)."""
    if not session.mechanisms:
        return _NEEDS_TLS
    session.name = command.name
    return ok("And the password")


async def pass_(session: Session, command: c.Pass) -> Done:
    """Log in by name and password."""
    name, session.name = session.name, ""
    if not session.mechanisms:
        return _NEEDS_TLS
    if not name:
        return no("A name has to come first, by USER", is_mistake=True)
    logins, channel = session.service.logins, session.channel
    try:
        body = lambda view: logins.log_in(view, name, command.password, channel, MAIL)  # noqa: E731
        logged_in = await session.read(body, slow=True)
    except Fault as fault:
        return _refusal(fault)
    return await _welcome(session, logged_in)


async def auth(session: Session, command: c.Auth) -> Done:
    """Log in by SASL (RFC 5034 §4)."""
    session.name = ""
    if not command.mechanism:
        return _listed("Mechanisms are", session.mechanisms)
    try:
        exchange = session.service.logins.begin(command.mechanism, session.channel, MAIL)
    except Fault as fault:
        return no(str(fault)) if session.mechanisms else _NEEDS_TLS
    try:
        logged_in = await _converse(session, exchange, command.initial)
    except Malformed as malformed:
        return no(str(malformed), is_mistake=True)
    except Fault as fault:
        return _refusal(fault)
    return await _welcome(session, logged_in) if logged_in is not None else no("Given up", is_mistake=True)


async def _converse(session: Session, exchange: Exchange, initial: bytes | None) -> LoggedIn | None:
    """Who has logged in; None when the client takes it back. Raises Malformed and Fault."""
    response = base64_line.decode(initial) if initial is not None else None
    while True:
        step = await session.read(exchange.respond(response), slow=True)
        if not isinstance(step, Challenge):
            return step
        line = await session.wire.next_line(base64_line.encode(step.data))
        if line.is_too_long:
            raise Malformed("The response is too long")
        if line.data == b"*":  # RFC 5034 §4: the client takes it back
            return None
        response = base64_line.decode(line.data)


async def _welcome(session: Session, logged_in: LoggedIn) -> Done:
    account = logged_in.access.account
    if not session.take_lock(account):
        return no("Another session has this maildrop open", "IN-USE")  # RFC 2449 §8.1.2
    try:
        maildrop = await session.read(open_maildrop(account))
        count, octets = maildrop.total()
    except BaseException:
        session.close()
        raise
    session.log_in(logged_in, maildrop)
    return ok(f"{count} messages ({octets} octets)")


def _refusal(fault: Fault) -> Done:
    """RFC 3206 §5, RFC 2449 §8.1.1: why a login was refused, but not whether there is anybody of that name."""
    if fault.kind is Kind.RATE_LIMIT:
        return no("Too many failures; try again later", "LOGIN-DELAY", is_mistake=True)
    if fault.kind is Kind.FORBIDDEN:
        return no("The name or the password is wrong", "AUTH", is_mistake=True)
    if fault.kind is Kind.ACCOUNT_NOT_FOUND:
        return no(str(fault), "AUTH", is_mistake=True)
    if fault.kind is Kind.INVALID_ARGUMENTS:
        return no(str(fault), is_mistake=True)
    raise fault


def _listed(text: str, lines: list[str] | tuple[str, ...]) -> Done:
    return Done(reply.ok(text) + reply.lines(lines) + reply.END)


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {
    c.Capa: capa,
    c.Lang: lang,
    c.Utf8: utf8,
    c.Stls: stls,
    c.User: user,
    c.Pass: pass_,
    c.Auth: auth,
}
