"""The client's side of the mechanisms: for mail that is fetched from other servers, and handed to them.

A machine yields a `Response` to send and is resumed with the server's challenge, in octets. What the server then calls
a success counts only when the last response was complete: with SCRAM the server has to prove itself first.
RFC 4616; RFC 7628.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

from pillarbox.wire.sasl.gs2 import name_to_bytes
from pillarbox.wire.sasl.step import Malformed, Refused


@dataclass(frozen=True, slots=True)
class Response:
    """Octets for the server; as the first, the initial response, where None says that there is none."""

    data: bytes | None
    is_complete: bool


Client: TypeAlias = Generator[Response, bytes, None]


def plain(name: str, password: str, authorization: str = "") -> Client:
    """PLAIN. Raises ValueError for what it cannot carry."""
    _check(name, password, authorization)
    message = b"\x00".join(part.encode() for part in (authorization, name, password))
    # A server that takes no initial response asks for it by an empty challenge: the protocol sends it then.
    yield Response(message, is_complete=True)
    raise Malformed("the server goes on after PLAIN is over")


def login(name: str, password: str) -> Client:
    """LOGIN: whatever the prompts say, name and password are asked for in this order."""
    _check(name, password)
    yield Response(None, is_complete=False)
    yield Response(name.encode(), is_complete=False)
    yield Response(password.encode(), is_complete=True)
    raise Malformed("the server goes on after LOGIN is over")


def oauthbearer(token: str, authorization: str = "", host: str = "", port: int = 0) -> Client:
    """OAUTHBEARER. Raises Refused, with the server's JSON, once the server has been answered."""
    _check(token, authorization, host)
    header = b"n,%b," % (b"a=" + name_to_bytes(authorization) if authorization else b"")
    pairs = [f"host={host}"] if host else []
    pairs += [f"port={port}"] if port else []
    message = header + "".join(f"\x01{pair}" for pair in [*pairs, f"auth=Bearer {token}"]).encode() + b"\x01\x01"
    error = yield Response(message, is_complete=True)
    # RFC 7628 §3.2.3: a server that refuses sends its error as a challenge, and waits for this before it fails.
    yield Response(b"\x01", is_complete=False)
    raise Refused(error[:1_000].decode("utf-8", "replace"))


def xoauth2(user: str, token: str) -> Client:
    """XOAUTH2. Raises Refused as `oauthbearer` does."""
    _check(user, token)
    error = yield Response(f"user={user}\x01auth=Bearer {token}\x01\x01".encode(), is_complete=True)
    yield Response(b"", is_complete=False)
    raise Refused(error[:1_000].decode("utf-8", "replace"))


def _check(*parts: str) -> None:
    if any(c in "\x00\x01\r\n" for part in parts for c in part):
        raise ValueError("a name, a password or a token has control characters")
