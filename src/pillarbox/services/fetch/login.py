"""Logging in to another server: with a password or an access token, as oneself or as somebody who may act for others.

RFC 9051 §6.2, RFC 4959 (SASL-IR).
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
from pillarbox.wire.sasl import base64_line, client
from pillarbox.wire.sasl.scram_client import scram_sha_256
from pillarbox.wire.sasl.step import Malformed
from pillarbox.wire.sasl.step import Refused as SaslRefused

Mechanism = Literal["auto", "plain", "login", "scram-sha-256", "xoauth2", "oauthbearer"]
_LOGIN_COMMAND = ""  # where the server knows no mechanism
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
        if mechanism == _LOGIN_COMMAND:
            secret = credentials.secret()
            answers = _run(talk, b"LOGIN ", astring(credentials.user.encode()), b" ", astring(secret.encode()))
        else:
            machine = _machine(mechanism, credentials)
            answers = _authenticate(talk, mechanism, machine, has_initial="SASL-IR" in capabilities)
    except Refused as refused:
        if refused.response.code in _TEMPORARY:
            raise Dropped(f"the server does not let anybody in now: {refused}") from None
        raise Unsuitable(f"the server refused the login of {credentials.user}: {refused}") from None
    except (Malformed, SaslRefused, ValueError) as fault:
        raise Unsuitable(f"the login of {credentials.user} failed: {fault}") from None
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
    wanted = ("xoauth2", "oauthbearer") if credentials.is_token else ("plain", "scram-sha-256", "login")
    for mechanism in wanted:
        if f"AUTH={mechanism.upper()}" in capabilities:
            return mechanism
    if credentials.is_token:
        raise Unsuitable("the server takes no access tokens (it offers neither XOAUTH2 nor OAUTHBEARER)")
    # RFC 9051 §6.2.3: LOGIN must not be tried where LOGINDISABLED is advertised
    if "LOGINDISABLED" in capabilities:
        raise Unsuitable("the server takes no passwords here, or only in ways that are not known")
    return _LOGIN_COMMAND


def _machine(mechanism: str, credentials: Credentials) -> client.Client:
    user, secret, master = credentials.user, credentials.secret(), credentials.master_user
    if mechanism == "xoauth2":
        return client.xoauth2(user, secret)
    if mechanism == "oauthbearer":
        return client.oauthbearer(secret, user)
    authorization = user if master is not None else ""
    if mechanism == "plain":
        return client.plain(master or user, secret, authorization)
    if mechanism == "scram-sha-256":
        return scram_sha_256(master or user, secret, authorization)
    if master is not None:
        raise Unsuitable("one user acts for another by PLAIN or SCRAM only, which the server does not offer")
    return client.login(user, secret)


def _authenticate(talk: Talk, mechanism: str, machine: client.Client, *, has_initial: bool) -> list[Response]:
    """One exchange. Raises sasl's Refused and Malformed beside the faults of the connection."""
    said = next(machine)
    first, out = said.data, []
    command = b"AUTHENTICATE " + mechanism.upper().encode()
    if first is not None and has_initial:  # RFC 4959 §3
        tag = talk.begin(command, b" ", base64.b64encode(first) or b"=")
        first = None
    else:
        tag = talk.begin(command)
    for response in talk.finish(tag):
        if response.tag != "+":
            out.append(response)
        elif first is not None:
            talk.answer(base64.b64encode(first))
            first = None
        else:
            challenge = base64_line.decode(response.text.encode("ascii", "replace"))
            said = machine.send(challenge)
            talk.answer(base64.b64encode(said.data or b""))
    if not said.is_complete:
        raise Malformed("the server let us in without proving that it knows the password")
    return out
