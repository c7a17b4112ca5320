"""HELO, EHLO and LHLO: the peer says who it is, the server what it can do.

Sections: RFC 5321 §4.1.1.1, §4.1.4; RFC 2033 §4.1.
"""

from __future__ import annotations

import re

from pillarbox.wire.smtp.reply import OK, UNKNOWN_COMMAND, Reply
from pillarbox.wire.smtp.state import Conversation, Options

_WORD = re.compile(r"[!-~]{1,255}")
_NO_NAME = Reply(501, "5.5.4", "A domain name or an address literal is expected")


def banner(options: Options) -> Reply:
    """The first words on a connection (RFC 5321 §4.2, the name MUST come first)."""
    return Reply(220, "", f"{options.hostname} {'LMTP' if options.lmtp else 'ESMTP'} Pillarbox ready")


def hello(conversation: Conversation, argument: str) -> None:
    """HELO: no extensions. RFC 2033 §4.1: "The HELO and EHLO commands MUST NOT be used in LMTP"."""
    if conversation.options.lmtp:
        conversation.refuse(UNKNOWN_COMMAND)
    elif _introduced(conversation, argument):
        conversation.say(Reply(250, "", conversation.options.hostname))


def extended_hello(conversation: Conversation, argument: str) -> None:
    """EHLO and LHLO, each only in its own protocol; the reply lists the extensions."""
    if (conversation.verb == "LHLO") != conversation.options.lmtp:
        conversation.refuse(UNKNOWN_COMMAND)
    elif _introduced(conversation, argument):
        conversation.say(Reply(250, "", "\n".join([conversation.options.hostname, *_extensions(conversation.options)])))


def noop(conversation: Conversation, argument: str) -> None:
    """NOOP, with or without words (RFC 5321 §4.1.1.9)."""
    del argument
    conversation.say(OK)


def _introduced(conversation: Conversation, argument: str) -> bool:
    # RFC 5321 §4.1.4: a server MUST NOT refuse mail because the name is not true; odd host names are common, so only
    # the form of a word is asked.
    if not _WORD.fullmatch(argument):
        conversation.refuse(_NO_NAME)
        return False
    # RFC 5321 §4.1.4: EHLO in the session's middle "MUST clear all buffers and reset the state exactly as if a RSET".
    conversation.reset()
    conversation.peer_name = argument
    return True


def _extensions(options: Options) -> list[str]:
    # RFC 2033 §5: PIPELINING and ENHANCEDSTATUSCODES MUST be there, 8BITMIME SHOULD.
    size = f"SIZE {options.max_size}"
    return ["PIPELINING", size, "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "ENHANCEDSTATUSCODES"]
