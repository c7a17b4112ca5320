"""STARTTLS and AUTH: the peer becomes somebody.

Sections: RFC 3207 §4; RFC 4954 §4, §6.
"""

from __future__ import annotations

import re

from pillarbox.wire.reader import LineTooLong
from pillarbox.wire.smtp.reply import (
    GIVEN_UP,
    HAS_TLS,
    HELLO_FIRST,
    LOGGED_IN,
    NO_ARGUMENT,
    NO_MECHANISM,
    NO_TLS,
    NOT_IMPLEMENTED,
    RESPONSE_TOO_LONG,
    START_TLS,
    SYNTAX,
    TLS_FIRST,
    WRONG_ORDER,
    Reply,
)
from pillarbox.wire.smtp.state import Challenge, Conversation, Login, StartTls, Step

# RFC 4422 §3.1: names of mechanisms
_MECHANISM = re.compile(r"[A-Za-z0-9_-]{1,20}")
# RFC 4954 §4: "=" is an initial response that is empty. What Base64 it is, whoever decodes it says.
_RESPONSE = re.compile(r"[!-~]+")


def start_tls(conversation: Conversation, argument: str) -> Step:
    """STARTTLS: what the peer has said so far, and what it has sent ahead, is forgotten (RFC 3207 §4.2)."""
    if argument:
        conversation.refuse(NO_ARGUMENT)
    elif conversation.offer.is_encrypted:
        conversation.refuse(HAS_TLS)
    elif not conversation.offer.start_tls:
        conversation.refuse(NO_TLS)
    elif not conversation.peer_name:
        conversation.refuse(HELLO_FIRST)
    else:
        conversation.say(START_TLS)
        conversation.begin_anew()
        yield StartTls()
        # Once more: nothing may have come meanwhile, and if it has, it came in the clear.
        conversation.begin_anew()


def auth(conversation: Conversation, argument: str) -> Step:
    """AUTH by any mechanism; the server knows them."""
    mechanism, _, initial = argument.partition(" ")
    if (refusal := _auth_refusal(conversation, mechanism, initial)) is not None:
        conversation.refuse(refusal)
        return
    name = mechanism.upper()
    response = initial.encode() if initial else None
    if response == b"=":
        response = b""
    answer = yield Login(name, response, is_first=True)
    while isinstance(answer, Challenge):
        conversation.output += b"334 %b\r\n" % answer.line
        try:
            line = yield from conversation.reader.line(conversation.options.max_auth_line)
        except LineTooLong:
            yield from conversation.reader.skip_line()
            answer = RESPONSE_TOO_LONG
            break
        response = line.rstrip(b"\r\n")
        if response == b"*":  # RFC 4954 §4: the client takes it back, and gets a 501
            answer = GIVEN_UP
            break
        answer = yield Login(name, response, is_first=False)
    _end(conversation, answer)


def _end(conversation: Conversation, reply: Reply) -> None:
    if reply.is_positive:
        conversation.is_logged_in = True
        conversation.say(LOGGED_IN)
    else:
        conversation.refuse(reply)


def _auth_refusal(conversation: Conversation, mechanism: str, initial: str) -> Reply | None:
    offer = conversation.offer
    if not offer.mechanisms and not offer.start_tls:
        return NOT_IMPLEMENTED
    if not conversation.peer_name:
        return HELLO_FIRST
    # RFC 4954 §4: not after a successful one, nor "during a mail transaction": "MUST reject any further AUTH commands
    # with a 503 reply".
    if conversation.is_logged_in or conversation.transaction is not None:
        return WRONG_ORDER
    if not _MECHANISM.fullmatch(mechanism) or (initial and not _RESPONSE.fullmatch(initial)):
        return SYNTAX
    if not offer.mechanisms:
        return TLS_FIRST
    return NO_MECHANISM if mechanism.upper() not in offer.mechanisms else None
