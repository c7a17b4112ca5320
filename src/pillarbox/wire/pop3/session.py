"""The conversation of one connection: octets in any pieces in; commands, and what is to be sent, out.

Sections: RFC 1939 §3; RFC 2449 §4, §6.6 (pipelining), §6.3; RFC 5034 §4.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any

import msgspec

from pillarbox.wire.pop3 import reply
from pillarbox.wire.pop3.command import Command
from pillarbox.wire.pop3.options import Options, State
from pillarbox.wire.pop3.syntax import Refused, parse
from pillarbox.wire.reader import EndOfInput, LineTooLong, Reader

# A web page can make a browser send commands as the body of a request: nothing after these is read.
_HTTP = re.compile(rb"(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PRI|PUT|TRACE) [^ ]* HTTP/[0-9]", re.IGNORECASE)
# The server stops reading when `wants_data` says so; what it had in hand by then, a quarter of this, is still taken.
_FAR_TOO_MUCH = 1024 * 1024


class Asked(msgspec.Struct, frozen=True):
    """A command is to be carried out; say its answer, and `finish`."""

    command: Command


class Line(msgspec.Struct, frozen=True):
    """The line that `ask_line` asked for, without its end; empty when it was longer than a line may be."""

    data: bytes
    is_too_long: bool = False


Event = Asked | Line


class Session:
    """One connection.

    After each `receive_data`, take `next_event()` until it is None, then send `data_to_send()`. An event stops the
    machine until `finish` says that its command is done, or `ask_line` that the client has to go on; other commands
    wait meanwhile, and `wants_data` asks to pause reading when too much of them waits. The server sends the greeting.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.is_closed = False
        self._options = options or Options()
        self._reader = Reader()
        self._output = bytearray()
        self._errors = 0
        self._is_pending = False  # an event is with the server
        self._wants_line: bool | None = None  # what the server said to it
        self.state = State.AUTHORIZATION
        self._machine = self._converse()

    @property
    def state(self) -> State:
        """How far the connection has come; set it before `finish`."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        is_before = state is State.AUTHORIZATION
        self._limits = self._options.before_login if is_before else self._options.after_login

    @property
    def wants_data(self) -> bool:
        """Whether the server should go on reading."""
        return not self.is_closed and (not self._is_pending or len(self._reader) <= self._limits.buffered)

    def receive_data(self, data: bytes) -> None:
        """Takes octets from the client, in any pieces."""
        if self.is_closed:
            return
        self._reader.feed(data)
        if self._is_pending and len(self._reader) > _FAR_TOO_MUCH:
            self.close(reply.err("Too much was sent ahead"))

    def receive_end(self) -> None:
        """The client closed its side: a line that is not complete is none."""
        self._reader.feed_end()

    def data_to_send(self) -> bytes:
        """What is to be sent, each octet once."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def next_event(self) -> Event | None:
        """Goes on until the server has something to do, or until more octets are needed (None)."""
        if self.is_closed or (self._is_pending and self._wants_line is None):
            return None
        answer, self._wants_line, self._is_pending = self._wants_line, None, False
        try:
            event = self._machine.send(answer)
        except (StopIteration, EndOfInput):
            self._forget()
            return None
        self._is_pending = event is not None
        return event

    def send(self, data: bytes) -> None:
        """Sends a reply, or a piece of one."""
        self._output += data

    def refuse(self, data: bytes) -> None:
        """Sends a negative reply that counts as a mistake of the client: it may not make many before it logs in."""
        self._output += data
        self._errors += 1

    def finish(self) -> None:
        """The command is done, and its reply is said: the next may be read. Raises ValueError when none is there."""
        self._answer(wants_line=False)

    def ask_line(self, data: bytes) -> None:
        """Asks the client to go on with the command that runs; its next line comes as Line (RFC 5034 §4)."""
        self._answer(wants_line=True)
        self._output += reply.challenge(data)

    def discard_input(self) -> None:
        """Forgets what the client has already sent: it was said before TLS (RFC 2595 §4)."""
        self._reader.discard()

    def close(self, parting: bytes = b"") -> None:
        """Ends the conversation from the server's side, perhaps with last words."""
        if self.is_closed:
            return
        self._output += parting
        self._forget()

    def _answer(self, *, wants_line: bool) -> None:
        if not self._is_pending or self._wants_line is not None:
            raise ValueError("no command waits for this")
        self._wants_line = wants_line

    def _forget(self) -> None:
        self.is_closed = True
        self._reader.discard()

    def _converse(self) -> Generator[Event | None, Any, None]:
        while not self.is_closed:
            if self._errors >= self._limits.errors:
                self.close(reply.err("Too many mistakes"))
                return
            command = yield from self._command()
            if command is None:
                continue
            wants_line = yield Asked(command)
            while wants_line:
                wants_line = yield (yield from self._line())

    def _command(self) -> Generator[None, Any, Command | None]:
        """The next command; None if it was refused."""
        line = yield from self._line()
        if self._state is State.AUTHORIZATION and _HTTP.match(line.data):
            self.close(reply.err("This is no web server"))
            return None
        try:
            if line.is_too_long:
                raise Refused("The line is too long")
            command = parse(line.data, self._state)
        except Refused as refused:
            self.refuse(reply.err(str(refused)))
            return None
        if self._state is State.TRANSACTION:
            self._errors = 0
        return command

    def _line(self) -> Generator[None, Any, Line]:
        """RFC 1939 §3: lines end in CRLF; that LF alone ends one, too, is for those who type."""
        try:
            line = yield from self._reader.line(self._limits.line)
        except LineTooLong:
            yield from self._reader.skip_line()
            return Line(b"", is_too_long=True)
        return Line(line[:-2] if line.endswith(b"\r\n") else line[:-1])
