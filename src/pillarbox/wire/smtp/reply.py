"""Replies with their enhanced status codes.

Sections: RFC 5321 §4.2; RFC 2034; RFC 3463.
"""

from __future__ import annotations

import functools
import re

import msgspec

_UNPRINTABLE = re.compile(r"[^ -~\x80-\U0010ffff]+")
_LONGEST_TEXT = 480


class Reply(msgspec.Struct, frozen=True):
    """A reply: three digits, the enhanced code (empty where RFC 2034 §4 has none), and a text of one or more lines."""

    code: int
    enhanced: str
    text: str

    @property
    def is_positive(self) -> bool:
        return self.code < 400


@functools.lru_cache(maxsize=256)
def reply_to_bytes(reply: Reply) -> bytes:
    """The reply as lines with CRLF; every line carries both codes (RFC 5321 §4.2.1, RFC 2034 §4)."""
    lead = f"{_UNPRINTABLE.sub('', reply.enhanced)} " if reply.enhanced else ""  # a hook's word, perhaps
    # RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets.
    lines = [_UNPRINTABLE.sub(" ", line)[:_LONGEST_TEXT] for line in reply.text.splitlines()] or [""]
    last = len(lines) - 1
    octets = [f"{reply.code}{' ' if number == last else '-'}{lead}{line}" for number, line in enumerate(lines)]
    return "".join(f"{line}\r\n" for line in octets).encode(errors="replace")


OK = Reply(250, "2.0.0", "OK")
SENDER_OK = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
DELIVERED = Reply(250, "2.6.0", "Message accepted")
START_DATA = Reply(354, "", "Start mail input; end with <CRLF>.<CRLF>")
CHUNK_OK = Reply(250, "2.0.0", "Chunk received")
GOODBYE = Reply(221, "2.0.0", "Goodbye")
CANNOT_VERIFY = Reply(252, "2.5.0", "Send some mail, I will try my best")
SHUTTING_DOWN = Reply(421, "4.3.2", "Service is shutting down")
TIMED_OUT = Reply(421, "4.4.2", "Timeout, closing the connection")
TOO_SLOW = Reply(421, "4.4.2", "This takes too long, closing the connection")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors, closing the connection")
TOO_MUCH_IDLING = Reply(421, "4.7.0", "Too many commands and no mail, closing the connection")
NOT_HTTP = Reply(421, "4.7.0", "This is no web server, closing the connection")
TOO_MUCH_INPUT = Reply(421, "4.5.0", "Too much input before a reply, closing the connection")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")
TRY_LATER = Reply(451, "4.3.0", "Local error, try again later")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Unknown command")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
LINE_MALFORMED = Reply(500, "5.5.2", "A command is a line of printable characters and CRLF")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
SYNTAX = Reply(501, "5.5.4", "Syntax error in the arguments")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
START_TLS = Reply(220, "2.0.0", "Ready to start TLS")
HAS_TLS = Reply(503, "5.5.1", "TLS is there already")
NO_TLS = Reply(502, "5.5.1", "TLS is not to be had here")
TLS_FIRST = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
LOGIN_FIRST = Reply(530, "5.7.0", "Authentication required")
LOGGED_IN = Reply(235, "2.7.0", "Authentication succeeded")
NO_MECHANISM = Reply(504, "5.5.4", "This mechanism is not offered")
GIVEN_UP = Reply(501, "5.7.0", "Authentication cancelled")
RESPONSE_TOO_LONG = Reply(500, "5.5.6", "The response is too long")
WRONG_ORDER = Reply(503, "5.5.1", "Bad sequence of commands")
HELLO_FIRST = Reply(503, "5.5.1", "Introduce yourself first")
NESTED_MAIL = Reply(503, "5.5.1", "A transaction is already under way")
NO_VALID_RECIPIENTS = Reply(503, "5.5.1", "No valid recipients")
MESSAGE_TOO_BIG = Reply(552, "5.3.4", "Message is larger than this server accepts")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "A non-ASCII address needs the parameter SMTPUTF8")
NUL = Reply(554, "5.6.0", "Message contains a NUL")
BARE_NEWLINE = Reply(554, "5.6.0", "Message contains a CR or LF that is not part of a CRLF")
TEXT_LINE_TOO_LONG = Reply(554, "5.6.0", "Message contains a line that is too long")
