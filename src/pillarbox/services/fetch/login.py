"""Logging in to another server: with a password or an access token, as oneself or as somebody who may act for others.

RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), RFC 4959 (SASL-IR), RFC 9051 §6.2; XOAUTH2 as Google and Microsoft have it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pillarbox.services.fetch.talk import Talk
from pillarbox.wire.imap_client.conversation import astring
from pillarbox.wire.imap_client.fault import Dropped, Refused, Unsuitable
from pillarbox.wire.imap_client.response import Response
from pillarbox.wire.imap_client.value import Value, octets_of

Mechanism = Literal["auto", "plain", "login", "xoauth2", "oauthbearer"]
# RFC 5530 §3: what may be otherwise in a while
_TEMPORARY = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED", "CONTACTADMIN"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in, and how.

    `secret` is asked at every login: an access token may have been renewed meanwhile. `master_user` logs in by its own
    password and acts for `user`.
    """

    user: str
    secret: Callable[[], str]
    mechanism: Mechanism = "auto"
    is_token: bool = False
    master_user: str | None = None


def log_in(talk: Talk, credentials: Credentials) -> frozenset[str]:
    """Log in; returns the server's capabilities, in upper case. Raises Unsuitable when it will not let us in."""
    if talk.greeting.name == "PREAUTH":
        raise Unsuitable("the server logs in by itself, as whomever")
    capabilities = _told([talk.greeting]) or ask_capabilities(talk)
    mechanism = _chosen(credentials, capabilities)
    try:
        if mechanism == "login":
            secret = credentials.secret()
            answers = _run(talk, b"LOGIN ", astring(credentials.user.encode()), b" ", astring(secret.encode()))
        else:
            answers = _authenticate(talk, mechanism, credentials, has_initial="SASL-IR" in capabilities)
    except Refused as refused:
        if refused.response.code in _TEMPORARY:
            raise Dropped(f"the server does not let anybody in now: {refused}") from None
        raise Unsuitable(f"the server refused the login of {credentials.user}: {refused}") from None
    return _told(answers) or ask_capabilities(talk)


def ask_capabilities(talk: Talk) -> frozenset[str]:
    """What the server says it can do."""
    return _told(_run(talk, b"CAPABILITY"))


def _run(talk: Talk, *parts: bytes) -> list[Response]:
    return list(talk.finish(talk.begin(*parts)))


def _told(responses: list[Response]) -> frozenset[str]:
    """The capabilities in these responses: the last that were told, as a code or by themselves."""
    values: list[Value] = []
    for response in responses:
        if "CAPABILITY" in (response.code, response.name):
            values = response.values
    return frozenset(octets_of(value).decode("ascii", "replace").upper() for value in values)


def _chosen(credentials: Credentials, capabilities: frozenset[str]) -> str:
    if credentials.mechanism != "auto":
        return credentials.mechanism
    if credentials.is_token:
        for mechanism in ("xoauth2", "oauthbearer"):
            if f"AUTH={mechanism.upper()}" in capabilities:
                return mechanism
        raise Unsuitable("the server takes no access tokens (it offers neither XOAUTH2 nor OAUTHBEARER)")
    if "AUTH=PLAIN" in capabilities or credentials.master_user is not None:
        return "plain"
    # RFC 9051 §6.2.3: LOGIN must not be tried where LOGINDISABLED is advertised
    if "LOGINDISABLED" in capabilities:
        raise Unsuitable("the server takes no passwords here (it offers neither AUTH=PLAIN nor LOGIN)")
    return "login"


def _authenticate(talk: Talk, mechanism: str, credentials: Credentials, *, has_initial: bool) -> list[Response]:
    first = base64.b64encode(_initial(mechanism, credentials))
    command = b"AUTHENTICATE " + mechanism.upper().encode()
    tag = talk.begin(command, b" ", first) if has_initial else talk.begin(command)
    unsent = not has_initial
    out = []
    for response in talk.finish(tag):
        if response.tag != "+":
            out.append(response)
        elif unsent:
            talk.answer(first)
            unsent = False
        else:  # RFC 7628 §3.2.3: why a token was refused; after an answer without meaning comes the NO
            talk.answer(base64.b64encode(b"\x01") if mechanism == "oauthbearer" else b"")
    return out


def _initial(mechanism: str, credentials: Credentials) -> bytes:
    user, secret = credentials.user, credentials.secret()
    if "\0" in user + secret or "\1" in user + secret:
        raise Unsuitable("a name and a password have no control characters")
    if mechanism == "plain":
        # RFC 4616 §2: whom to act for, who logs in, and the password
        master = credentials.master_user
        return "\0".join((user if master else "", master or user, secret)).encode()
    if mechanism == "xoauth2":
        return f"user={user}\1auth=Bearer {secret}\1\1".encode()
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1auth=Bearer {secret}\1\1".encode()
