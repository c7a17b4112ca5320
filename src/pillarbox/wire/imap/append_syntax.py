"""APPEND and REPLACE, whose messages go to sinks while the command is still being read.

Each part is checked as far as it came before the next literal is asked for: who makes a mistake in the flags does not
send the message in vain.

Sections: RFC 9051 §6.3.12; RFC 3502 §6.3.11; RFC 4466 §2.7, §3; RFC 4469 §3, §5; RFC 6855 §4; RFC 8508 §3, §5.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

from pillarbox.wire.imap.date_syntax import date_time
from pillarbox.wire.imap.intake import Intake
from pillarbox.wire.imap.message_command import Append, Message, Received, Replace, Url
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner, clean
from pillarbox.wire.imap.set_syntax import flag_list, sequence_number

_CATENATE = re.compile(r"CATENATE \(", re.IGNORECASE)
_UTF8 = re.compile(r"UTF8 \(", re.IGNORECASE)
_TEXT = re.compile(r"TEXT ", re.IGNORECASE)
_URL = re.compile(r"URL ", re.IGNORECASE)


def append(scanner: Scanner, intake: Intake) -> Generator[None, Any, Append]:
    """APPEND, of one message or several."""
    scanner.need(" ")
    mailbox = yield from _mailbox(scanner, intake)
    messages: list[Message] = []
    while not (messages and scanner.is_at_end()):
        scanner.need(" ")
        messages.append((yield from _message(scanner, intake)))
    return Append(mailbox, tuple(messages))


def replace(scanner: Scanner, intake: Intake, *, is_uid: bool) -> Generator[None, Any, Replace]:
    """REPLACE and UID REPLACE."""
    scanner.need(" ")
    number = sequence_number(scanner)
    scanner.need(" ")
    mailbox = yield from _mailbox(scanner, intake)
    scanner.need(" ")
    message = yield from _message(scanner, intake)
    scanner.end()
    return Replace(number, mailbox, message, is_uid)


def _mailbox(scanner: Scanner, intake: Intake) -> Generator[None, Any, str]:
    if not scanner.is_at_literal():
        return scanner.mailbox()
    return scanner.to_name((yield from _string(scanner, intake)))


def _message(scanner: Scanner, intake: Intake) -> Generator[None, Any, Message]:
    flags: tuple[str, ...] = ()
    date = None
    if scanner.sees("("):
        flags = flag_list(scanner)
        scanner.need(" ")
    if scanner.sees('"'):
        date = date_time(scanner)
        scanner.need(" ")
    if scanner.passes(_CATENATE):
        parts, is_utf8 = yield from _parts(scanner, intake)
        return Message(flags, date, parts, is_utf8)
    if scanner.passes(_UTF8):
        return Message(flags, date, ((yield from _utf8(scanner, intake, may_be_empty=False)),), is_utf8=True)
    return Message(flags, date, ((yield from _octets(scanner, intake, may_be_empty=False)),))


def _parts(scanner: Scanner, intake: Intake) -> Generator[None, Any, tuple[tuple[Received | Url, ...], bool]]:
    """The parts of CATENATE, and whether one is UTF8 (RFC 6855 §4)."""
    parts: list[Received | Url] = []
    is_utf8 = False
    while True:
        if len(parts) == intake.max_parts:
            raise Refused("Too many parts", status="NO", code="LIMIT")
        if scanner.passes(_TEXT):
            parts.append((yield from _octets(scanner, intake, may_be_empty=True)))
        elif scanner.passes(_UTF8):
            is_utf8 = True
            parts.append((yield from _utf8(scanner, intake, may_be_empty=True)))
        elif not scanner.passes(_URL):
            raise Refused("CATENATE has TEXT, UTF8 and URL")
        elif scanner.is_at_literal():
            parts.append(Url(clean((yield from _string(scanner, intake)))))
        else:
            parts.append(Url(scanner.astring()))
        if not scanner.has(" "):
            scanner.need(")")
            return tuple(parts), is_utf8


def _utf8(scanner: Scanner, intake: Intake, *, may_be_empty: bool) -> Generator[None, Any, Received]:
    if not scanner.sees("~"):
        raise Refused("UTF8 has a literal8")
    sink = yield from _octets(scanner, intake, may_be_empty=may_be_empty)
    scanner.need(")")
    return sink


def _octets(scanner: Scanner, intake: Intake, *, may_be_empty: bool) -> Generator[None, Any, Received]:
    if not scanner.is_at_literal():
        raise Refused("Expected a literal")
    sink, size = yield from intake.message()
    yield from _go_on(scanner, intake)
    # RFC 3502 §6.3.11: "A zero-length message literal argument is an error, and MUST return a NO."
    if not size and not may_be_empty:
        raise Refused("An empty message is not appended", status="NO")
    return sink


def _string(scanner: Scanner, intake: Intake) -> Generator[None, Any, str]:
    """A literal that is no message."""
    if scanner.sees("~"):
        raise Refused("Expected a string")
    octets = yield from intake.literal()
    yield from _go_on(scanner, intake)
    return octets.decode("utf-8", "surrogateescape")


def _go_on(scanner: Scanner, intake: Intake) -> Generator[None, Any, None]:
    """Behind a literal the command goes on with a line."""
    scanner.text = yield from intake.line()
    scanner.at = 0
