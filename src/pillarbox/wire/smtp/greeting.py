"""HELO, EHLO and LHLO: the peer says who it is, the server what it can do.

Sections: RFC 5321 §3.1, §4.1.1.1, §4.1.4; RFC 2033 §4.1; RFC 8689 §2; RFC 4865 §4; RFC 9422 §2; RFC 6710 §3.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any

from pillarbox.wire.smtp.reply import OK, UNKNOWN_COMMAND, Reply
from pillarbox.wire.smtp.state import Connect, Conversation, Event, Hello, Options, Step

_WORD = re.compile(r"[!-~]{1,255}")
_NO_NAME = Reply(501, "5.5.4", "A domain name or an address literal is expected")


def banner(options: Options) -> Reply:
    """The first words on a connection (RFC 5321 §4.2, the name MUST come first)."""
    return Reply(220, "", f"{options.hostname} {'LMTP' if options.lmtp else 'ESMTP'} Pillarbox ready")


def connected(conversation: Conversation) -> Step:
    """Say the banner, or send the peer away when the server does not want it (RFC 5321 §3.1)."""
    if conversation.options.asks_all:
        reply = yield Connect()
        if not reply.is_positive:
            conversation.say(reply)
            conversation.closed = True
            return
    conversation.say(banner(conversation.options))


def hello(conversation: Conversation, argument: str) -> Step:
    """HELO: no extensions. RFC 2033 §4.1: "The HELO and EHLO commands MUST NOT be used in LMTP"."""
    if conversation.options.lmtp:
        conversation.refuse(UNKNOWN_COMMAND)
    elif (yield from _introduced(conversation, argument, is_extended=False)):
        conversation.say(Reply(250, "", conversation.options.hostname))


def extended_hello(conversation: Conversation, argument: str) -> Step:
    """EHLO and LHLO, each only in its own protocol; the reply lists the extensions."""
    if (conversation.verb == "LHLO") != conversation.options.lmtp:
        conversation.refuse(UNKNOWN_COMMAND)
    elif (yield from _introduced(conversation, argument, is_extended=True)):
        conversation.say(Reply(250, "", "\n".join([conversation.options.hostname, *_extensions(conversation)])))


def noop(conversation: Conversation, argument: str) -> None:
    """NOOP, with or without words (RFC 5321 §4.1.1.9)."""
    del argument
    conversation.say(OK)


def _introduced(conversation: Conversation, argument: str, *, is_extended: bool) -> Generator[Event | None, Any, bool]:
    # RFC 5321 §4.1.4: a server MUST NOT refuse mail because the name is not true; odd host names are common, so only
    # the form of a word is asked.
    if not _WORD.fullmatch(argument):
        conversation.refuse(_NO_NAME)
        return False
    if conversation.options.asks_all:
        reply = yield Hello(argument, is_extended)
        if not reply.is_positive:
            conversation.refuse(reply)
            return False
    # RFC 5321 §4.1.4: EHLO in the session's middle "MUST clear all buffers and reset the state exactly as if a RSET".
    conversation.reset()
    conversation.peer_name = argument
    return True


def _extensions(conversation: Conversation) -> Iterator[str]:
    """What the peer may use from now on, which after STARTTLS and AUTH is not what it was before."""
    options, offer = conversation.options, conversation.offer
    extensions = options.extensions
    # RFC 2033 §5: PIPELINING and ENHANCEDSTATUSCODES MUST be there, 8BITMIME SHOULD.
    yield from ("PIPELINING", f"SIZE {options.max_size}", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME")
    yield "ENHANCEDSTATUSCODES"
    if extensions.dsn:
        yield "DSN"
    if offer.start_tls and not offer.is_encrypted:
        yield "STARTTLS"
    if conversation.can_log_in:
        yield f"AUTH {' '.join(offer.mechanisms)}"
    if extensions.require_tls and offer.is_encrypted:  # RFC 8689 §2: not without TLS
        yield "REQUIRETLS"
    if extensions.hold_seconds:
        yield f"FUTURERELEASE {extensions.hold_seconds} {offer.hold_until}".rstrip()
    if extensions.deliver_by:
        yield "DELIVERBY"
    if extensions.priority:
        yield "MT-PRIORITY MIXER"
    if extensions.limits:
        yield f"LIMITS RCPTMAX={options.max_recipients}"
    if extensions.burl and (conversation.is_logged_in or not options.needs_login):
        yield "BURL imap"
    if offer.xclient:
        yield "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
