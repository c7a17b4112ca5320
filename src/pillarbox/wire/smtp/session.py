"""The server's machine for one SMTP or LMTP connection: octets in, replies and events out.

Sections: RFC 5321 §3, §4.1, §4.3; RFC 2033; RFC 2920 §3.2; RFC 3207; RFC 4954.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

from pillarbox.wire.reader import EndOfInput, LineTooLong
from pillarbox.wire.smtp import content, courtesy, envelope, greeting, proxied, security
from pillarbox.wire.smtp.reply import (
    LINE_MALFORMED,
    LINE_TOO_LONG,
    NOT_HTTP,
    TOO_MANY_ERRORS,
    TOO_MUCH_IDLING,
    TOO_MUCH_INPUT,
    UNKNOWN_COMMAND,
    Reply,
)
from pillarbox.wire.smtp.state import Answer, Conversation, Event, Offer, Options, Sink, StartTls, Step

_COMMANDS: dict[str, Callable[[Conversation, str], Step | None]] = {
    "HELO": greeting.hello,
    "EHLO": greeting.extended_hello,
    "LHLO": greeting.extended_hello,
    "NOOP": greeting.noop,
    "MAIL": envelope.mail,
    "RCPT": envelope.recipient,
    "RSET": envelope.reset,
    "DATA": content.data,
    "BDAT": content.chunk,
    "VRFY": courtesy.verify,
    "EXPN": courtesy.expand,
    "HELP": courtesy.help_,
    "QUIT": courtesy.quit_,
    "STARTTLS": security.start_tls,
    "AUTH": security.auth,
    "XCLIENT": proxied.xclient,
    "BURL": content.by_url,
}
# They bring no message any nearer. RSET ends what MAIL has begun, so a round of both counts as well.
_IDLE = frozenset({"HELO", "EHLO", "LHLO", "NOOP", "RSET", "VRFY", "EXPN", "HELP"})
# A web page can make a browser send a mail transaction as the body of a request: nothing after these is read.
_HTTP = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PRI", "PUT", "TRACE"})
_AUTH = re.compile(rb"AUTH ", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Session:
    """One connection.

    After each `receive_data`, take `next_event()` and `answer` it until it is None, then send `data_to_send()`. An
    event that is not answered yet stops the machine, and `wants_data` asks to pause reading.
    `open_sink` makes the place for one message's octets. Timeouts are the server's: `close` says the parting words.
    """

    def __init__(self, options: Options, open_sink: Callable[[], Sink], offer: Offer | None = None) -> None:
        self._conversation = Conversation(options, open_sink, offer=offer or Offer())
        self._machine = _converse(self._conversation)
        self._pending: Event | None = None
        self._answer: Answer | None = None
        if not options.asks_all:
            self._conversation.say(greeting.banner(options))

    @property
    def is_closed(self) -> bool:
        """Whether the connection is to be closed when all data is sent."""
        return self._conversation.closed

    @property
    def wants_data(self) -> bool:
        """Whether the server should go on reading."""
        return not self.is_closed and self._pending is None

    @property
    def offer(self) -> Offer:
        """What is to be had on this connection now."""
        return self._conversation.offer

    @offer.setter
    def offer(self, offer: Offer) -> None:
        self._conversation.offer = offer

    def receive_data(self, data: bytes) -> None:
        """Takes octets from the peer, in any pieces; more than `max_buffered` before a reply ends the conversation."""
        if self.is_closed or isinstance(self._pending, StartTls):
            return
        reader = self._conversation.reader
        reader.feed(data)
        if len(reader) > self._conversation.options.max_buffered and self._pending is not None:
            self.close(TOO_MUCH_INPUT)

    def receive_end(self) -> None:
        """The peer closed its side: a message that is not complete is given up (RFC 5321 §4.1.1.4)."""
        self._conversation.reader.feed_end()

    def data_to_send(self) -> bytes:
        """The replies that are due, each once."""
        data = bytes(self._conversation.output)
        self._conversation.output.clear()
        return data

    def next_event(self) -> Event | None:
        """Goes on until the server must decide something, or until more octets are needed (None)."""
        if self.is_closed or (self._pending is not None and self._answer is None):
            return None
        answer, self._answer, self._pending = self._answer, None, None
        try:
            self._pending = self._machine.send(answer)
        except (StopIteration, EndOfInput):
            self._finish()
        return self._pending

    def answer(self, answer: Answer) -> None:
        """Decides the event: one Reply, or for a Message in LMTP one for each recipient.

        Raises ValueError if none waits.
        """
        if self._pending is None or self._answer is not None:
            raise ValueError("no event waits for an answer")
        self._answer = answer

    def close(self, reply: Reply | None = None) -> None:
        """Ends the conversation from the server's side, with a 421 or without a word (RFC 5321 §3.8)."""
        if not self.is_closed and reply is not None:
            self._conversation.say(reply)
        self._finish()

    def _finish(self) -> None:
        self._conversation.closed = True
        self._pending = None
        self._conversation.reset()
        self._conversation.reader.discard()


def _converse(conversation: Conversation) -> Generator[Event | None, Any, None]:
    if conversation.options.asks_all:
        yield from greeting.connected(conversation)
    while not conversation.closed:
        line = yield from _line(conversation)
        if line is None:
            conversation.refuse(LINE_TOO_LONG)
        else:
            yield from _obey(conversation, line)
        if (reply := _limit(conversation)) is not None:
            conversation.say(reply)
            conversation.closed = True


def _limit(conversation: Conversation) -> Reply | None:
    """What ends a conversation that leads nowhere."""
    options = conversation.options
    if conversation.closed:
        return None
    if conversation.errors > options.max_errors:
        return TOO_MANY_ERRORS
    return TOO_MUCH_IDLING if options.max_idle and conversation.idle > options.max_idle else None


def _line(conversation: Conversation) -> Generator[None, Any, bytes | None]:
    """The next line; None for one that was too long, and is swallowed."""
    options, reader = conversation.options, conversation.reader
    # RFC 4954 §4: an initial response may make the line of AUTH a long one.
    most = max(options.max_auth_line, options.max_command_line) if conversation.can_log_in else options.max_command_line
    try:
        line = yield from reader.line(most)
    except LineTooLong:
        yield from reader.skip_line()
        return None
    return line if len(line) <= options.max_command_line or _AUTH.match(line) else None


def _obey(conversation: Conversation, line: bytes) -> Step:
    # RFC 5321 §2.3.8: only CRLF ends a line; NUL and other control characters are in no command.
    if not line.endswith(b"\r\n") or _CONTROL.search(line, 0, len(line) - 2):
        _refuse_malformed(conversation, line)
        return
    try:
        text = line[:-2].decode()
    except UnicodeDecodeError:
        _refuse_malformed(conversation, line)
        return
    verb, _, argument = text.rstrip(" \t").partition(" ")
    conversation.verb = verb.upper()
    command = _COMMANDS.get(conversation.verb)
    conversation.idle += conversation.verb in _IDLE
    if conversation.verb in _HTTP:
        conversation.say(NOT_HTTP)
        conversation.closed = True
    elif command is None:
        conversation.refuse(UNKNOWN_COMMAND)
    elif not text.isascii() and conversation.verb not in ("MAIL", "RCPT", "NOOP"):
        _refuse_malformed(conversation, line)
    else:
        step = command(conversation, argument.lstrip(" "))
        if step is not None:
            yield from step


def _refuse_malformed(conversation: Conversation, line: bytes) -> None:
    conversation.refuse(LINE_MALFORMED)
    # How many octets follow cannot be known: they would be taken for commands.
    conversation.closed = conversation.closed or line[:4].upper() == b"BDAT"
