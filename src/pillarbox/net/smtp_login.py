"""How this server logs in at another one that sends on for it (RFC 4954, RFC 4616, RFC 5802, RFC 7628)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from pillarbox.formats.tls_result import Result
from pillarbox.wire.sasl import client as sasl
from pillarbox.wire.sasl.scram_client import scram_sha_256
from pillarbox.wire.smtp_client.reply import Reply

_MAX_CHALLENGE = 1 << 14


class Untrusted(Exception):
    """TLS or a login is not what was asked for; `result` is what a report calls it (RFC 8460 §4.3)."""

    def __init__(self, text: str, result: Result = Result.VALIDATION_FAILURE) -> None:
        super().__init__(text)
        self.result = result


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password, or a token, for a server that sends on for us."""

    name: str
    secret: str
    is_token: bool = False


def choose(login: Login, offered: tuple[str, ...], *, is_secure: bool) -> tuple[str, sasl.Client]:
    """The best mechanism that both sides have; a password goes in the clear over TLS only."""
    try:
        if login.is_token:
            if is_secure and "OAUTHBEARER" in offered:
                return "OAUTHBEARER", sasl.oauthbearer(login.secret, login.name)
            if is_secure and "XOAUTH2" in offered:
                return "XOAUTH2", sasl.xoauth2(login.name, login.secret)
        elif "SCRAM-SHA-256" in offered:
            return "SCRAM-SHA-256", scram_sha_256(login.name, login.secret)
        elif is_secure and "PLAIN" in offered:
            return "PLAIN", sasl.plain(login.name, login.secret)
        elif is_secure and "LOGIN" in offered:
            return "LOGIN", sasl.login(login.name, login.secret)
    except ValueError as error:
        raise Untrusted(str(error)) from None
    told = ", ".join(offered) or "none"
    how = "" if is_secure else " without TLS"
    raise Untrusted(f"the server offers no way to log in{how} that suits: {told}")


def challenge(reply: Reply) -> bytes:
    """The octets of a challenge."""
    text = reply.lines[-1].strip()
    try:
        return base64.b64decode(text[:_MAX_CHALLENGE], validate=True)
    except ValueError:
        return text.encode()  # LOGIN's prompts are looked at by nobody
