"""XCLIENT: a proxy that we trust tells who its client is.

The command is Postfix's: its documentation, XCLIENT_README, is the specification.
"""

from __future__ import annotations

import re

from pillarbox.wire.smtp import greeting
from pillarbox.wire.smtp.reply import NOT_IMPLEMENTED, SYNTAX, WRONG_ORDER
from pillarbox.wire.smtp.state import Conversation, Proxied, Step

_NAMES = frozenset({"NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"})
_ATTRIBUTE = re.compile(r"([A-Za-z]{1,12})=((?:[!-*,-~]|\+[0-9A-Fa-f]{2}){1,500})")
_HEXCHAR = re.compile(r"\+([0-9A-Fa-f]{2})")
_UNPRINTABLE = re.compile(r"[^!-~]")
_UNKNOWN = frozenset({"[UNAVAILABLE]", "[TEMPUNAVAIL]"})


def xclient(conversation: Conversation, argument: str) -> Step:
    """XCLIENT begins the session anew, for somebody else."""
    if not conversation.offer.xclient:
        conversation.refuse(NOT_IMPLEMENTED)
        return
    if conversation.transaction is not None:
        conversation.refuse(WRONG_ORDER)
        return
    attributes = _attributes(argument)
    if not attributes:
        conversation.refuse(SYNTAX)
        return
    reply = yield Proxied(attributes)
    if not reply.is_positive:
        conversation.refuse(reply)
        return
    conversation.reset()
    conversation.peer_name, conversation.is_logged_in = "", False
    yield from greeting.connected(conversation)


def _attributes(argument: str) -> dict[str, str | None] | None:
    """The attributes by name in capitals; None for what is none, or comes twice."""
    found: dict[str, str | None] = {}
    for word in argument.split():
        match = _ATTRIBUTE.fullmatch(word)
        if match is None or (name := match[1].upper()) not in _NAMES or name in found:
            return None
        value = _HEXCHAR.sub(lambda pair: chr(int(pair[1], 16)), match[2])
        if _UNPRINTABLE.search(value):
            return None
        found[name] = None if value.upper() in _UNKNOWN else value
    return found
