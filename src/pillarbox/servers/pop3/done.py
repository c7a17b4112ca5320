"""How a command ends: the reply, or what is left of it to be sent."""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.wire.pop3 import reply


class Done(NamedTuple):
    """Octets to send; whether it was done; whether the client made a mistake that counts against it before login."""

    data: bytes
    is_ok: bool = True
    is_mistake: bool = False


def ok(text: str = "") -> Done:
    """It was done."""
    return Done(reply.ok(text))


def no(text: str, code: str = "", *, is_mistake: bool = False) -> Done:
    """It could not be done, or is not allowed."""
    return Done(reply.err(text, code), is_ok=False, is_mistake=is_mistake)
