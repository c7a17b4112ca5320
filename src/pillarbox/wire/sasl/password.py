"""Mechanisms that send the password itself: PLAIN, and LOGIN, which Outlook still speaks.

RFC 4616; draft-murchison-sasl-login.
"""

from __future__ import annotations

from pillarbox.wire.sasl.step import MAX_NAME, MAX_PASSWORD, Challenge, Machine, Malformed, Password, text_of


def plain(initial: bytes | None = None) -> Machine:
    """PLAIN: one message, `[authzid] NUL authcid NUL passwd` (RFC 4616 §2)."""
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    if len(message) > 2 * MAX_NAME + MAX_PASSWORD + 2:
        raise Malformed("the message is too long")
    parts = message.split(b"\x00")
    if len(parts) != 3:
        raise Malformed("a PLAIN message has two NULs")
    authorization = text_of(parts[0], MAX_NAME) if parts[0] else ""
    yield Password(text_of(parts[1], MAX_NAME), text_of(parts[2], MAX_PASSWORD), authorization)


def login(initial: bytes | None = None) -> Machine:
    """LOGIN: a prompt for each of the two. An initial response is the name.

    Clients compare the prompts, so they are spelled as Microsoft's servers spell them.
    """
    name: bytes = initial if initial is not None else (yield Challenge(b"Username:"))
    checked = text_of(name, MAX_NAME)
    password: bytes = yield Challenge(b"Password:")
    yield Password(checked, text_of(password, MAX_PASSWORD))
