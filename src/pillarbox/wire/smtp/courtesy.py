"""VRFY, EXPN, HELP and QUIT: what is no part of a transaction.

Sections: RFC 5321 §4.1.1.6-§4.1.1.10, §3.5.3.
"""

from __future__ import annotations

from pillarbox.wire.smtp.reply import CANNOT_VERIFY, GOODBYE, NO_ARGUMENT, NOT_IMPLEMENTED, SYNTAX, Reply
from pillarbox.wire.smtp.state import Conversation

_HELP = Reply(214, "2.0.0", "See RFC 5321 and, for LMTP, RFC 2033")


def verify(conversation: Conversation, argument: str) -> None:
    """VRFY tells nothing: 252 is what RFC 5321 §7.3 allows a site that does not want to be asked for its users."""
    if argument:
        conversation.say(CANNOT_VERIFY)
    else:
        conversation.refuse(SYNTAX)


def expand(conversation: Conversation, argument: str) -> None:
    """EXPN is not offered."""
    del argument
    conversation.refuse(NOT_IMPLEMENTED)


def help_(conversation: Conversation, argument: str) -> None:
    """HELP points to the standards."""
    del argument
    conversation.say(_HELP)


def quit_(conversation: Conversation, argument: str) -> None:
    """QUIT ends the conversation; a transaction that is not finished is forgotten (RFC 5321 §4.1.1.10)."""
    if argument:
        conversation.refuse(NO_ARGUMENT)
        return
    conversation.reset()
    conversation.say(GOODBYE)
    conversation.closed = True
