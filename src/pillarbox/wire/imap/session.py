"""The conversation of one connection: octets in any pieces in; commands, and what is to be sent, out.

Sections: RFC 9051 §2.2, §5.5, §6, §7.1; RFC 3501 §2.2; RFC 7888; RFC 2683 §3.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

import msgspec

from pillarbox.wire.imap.command import Command
from pillarbox.wire.imap.intake import Intake
from pillarbox.wire.imap.options import Options, Sink, State
from pillarbox.wire.imap.refusal import Hopeless, Refused
from pillarbox.wire.imap.scanner import ATOM_CHARS, Scanner
from pillarbox.wire.imap.verb import KNOWN, PARSERS, RECEIVERS
from pillarbox.wire.reader import EndOfInput, LineTooLong, Reader

# RFC 9051 §9: a tag has the characters of an astring but "+".
_TAG = ATOM_CHARS.replace("+", "") + r"\]"
_HEAD = re.compile(rf"([{_TAG}]{{1,256}}) ((?:[Uu][Ii][Dd] )?[A-Za-z]+)(?=[ \n]|\Z)")
_TAG_ALONE = re.compile(rf"([{_TAG}]{{1,256}})(?: |\Z)")
# A web page can make a browser send commands as the body of a request: nothing after these is read.
_HTTP = re.compile(r"(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PRI|PUT|TRACE) [^ ]* HTTP/[0-9]", re.IGNORECASE)
# The server stops reading when too much waits; what it had in hand by then is still taken.
_FAR_TOO_MUCH = 8


class Asked(msgspec.Struct, frozen=True):
    """A command is to be carried out; say its answer with its tag, and `finish`."""

    tag: str
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

    def __init__(self, options: Options, open_sink: Callable[[], Sink]) -> None:
        self.is_utf8 = False
        self.is_closed = False
        self._options = options
        self._open_sink = open_sink
        self._reader = Reader()
        self._output: list[bytes] = []
        self._errors = 0
        self._is_pending = False  # an event is with the server
        self._wants_line: bool | None = None  # what the server said to it
        self.state = State.NOT_AUTHENTICATED
        self._machine = self._converse()

    @property
    def state(self) -> State:
        """How far the connection has come; set it before `finish`."""
        return self._state

    @state.setter
    def state(self, state: State) -> None:
        self._state = state
        self._parsers = PARSERS[state]
        is_before = state is State.NOT_AUTHENTICATED
        self._limits = self._options.before_login if is_before else self._options.after_login

    @property
    def wants_data(self) -> bool:
        """Whether the server should go on reading."""
        return not self.is_closed and (not self._is_pending or len(self._reader) <= self._options.max_buffered)

    def receive_data(self, data: bytes) -> None:
        """Takes octets from the client, in any pieces."""
        if self.is_closed:
            return
        self._reader.feed(data)
        if self._is_pending and len(self._reader) > _FAR_TOO_MUCH * self._options.max_buffered:
            self._end("Too much was sent ahead")

    def receive_end(self) -> None:
        """The client closed its side: what is not complete is given up."""
        self._reader.feed_end()

    def data_to_send(self) -> bytes:
        """What is to be sent, each octet once."""
        data = b"".join(self._output)  # a single piece is not copied
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
        """Sends responses."""
        if data:
            self._output.append(data)

    def finish(self) -> None:
        """The command is done, and its answer is said: the next may be read. Raises ValueError when none is there."""
        self._answer(wants_line=False)

    def ask_line(self, prompt: bytes) -> None:
        """Asks the client to go on with the command that runs; its next line comes as Line (RFC 9051 §7.6)."""
        self._answer(wants_line=True)
        self._output.append(b"+ " + prompt + b"\r\n")

    def discard_input(self) -> None:
        """Forgets what the client has already sent: it was said before TLS (RFC 9051 §6.2.1)."""
        self._reader.discard()

    def close(self, parting: bytes = b"") -> None:
        """Ends the conversation from the server's side, perhaps with last words."""
        if self.is_closed:
            return
        self._output.append(parting)
        self._machine.close()
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
            intake = Intake(self._reader, self._output, self._options, self._limits, self._open_sink)
            try:
                asked = yield from self._command(intake)
            except BaseException as error:  # if not hopeless: the connection broke off, or the server closed it
                intake.discard()
                if not isinstance(error, Hopeless):
                    raise
                self._end(str(error))
                return
            if asked is None:
                intake.discard()
                continue
            wants_line = yield asked
            while wants_line:
                wants_line = yield (yield from self._line())

    def _command(self, intake: Intake) -> Generator[None, Any, Asked | None]:
        """The next command; None if it was refused."""
        tag = line = ""
        try:
            line = yield from intake.line()
            head = _HEAD.match(line)
            if head is None:
                raise self._headless(line)
            tag = head[1]
            command = yield from self._arguments(head, line, intake)
        except Refused as refused:
            yield from intake.drain()
            self._refuse(tag or _tag(intake.begin or line), refused)
            return None
        if self._state is not State.NOT_AUTHENTICATED:
            self._errors = 0
        return Asked(tag, command)

    def _arguments(self, head: re.Match[str], line: str, intake: Intake) -> Generator[None, Any, Command]:
        name = head[2].upper()
        parse = self._parsers.get(name)
        if parse is not None:
            literals: list[bytes] = []
            while intake.pending is not None:
                literals.append((yield from intake.literal()))
                line += yield from intake.line()
            return parse(Scanner(line, head.end(), literals, is_utf8=self.is_utf8))
        receive = RECEIVERS[self._state].get(name)
        if receive is not None:
            return (yield from receive(Scanner(line, head.end(), is_utf8=self.is_utf8), intake))
        if name in KNOWN:
            raise Refused(f"This command is not allowed in the state {self._state.value}")
        raise Refused("Unknown command")

    def _headless(self, line: str) -> Exception:
        """What is wrong with a line that does not begin with a tag and a command's name."""
        if self._state is State.NOT_AUTHENTICATED and _HTTP.match(line):
            return Hopeless("This is no web server")
        if _TAG_ALONE.match(line):
            return Refused("Unknown command" if " " in line else "A tag, and no command")
        return Refused("A command begins with a tag")

    def _line(self) -> Generator[None, Any, Line]:
        limit = self._limits.line
        try:
            line = yield from self._reader.line(limit)
        except LineTooLong:
            yield from self._reader.skip_line()
            return Line(b"", is_too_long=True)
        return Line(line[:-2] if line.endswith(b"\r\n") else line[:-1])

    def _refuse(self, tag: str, refused: Refused) -> None:
        self._output.append(refused.to_bytes(tag))
        self._errors += 1
        if self._errors >= self._limits.errors:
            self._end("Too many commands that are none")

    def _end(self, text: str) -> None:
        self._output.append(f"* BYE {text}\r\n".encode())
        self._forget()


def _tag(line: str) -> str:
    match = _TAG_ALONE.match(line)
    return match[1] if match else "*"
