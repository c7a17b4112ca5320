"""The octets of one command: its lines, and the literals between them, which are asked for here.

A literal that is refused leaves the conversation in step: one that was only announced (`{n}`) is never sent, one that
was pushed (`{n+}`) is read over with all that follows up to the command's end.

Sections: RFC 9051 §4.3; RFC 7888 §3, §4; RFC 7889 §4; RFC 3516 §4.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

from pillarbox.wire.imap.options import Limits, Options, Sink
from pillarbox.wire.imap.refusal import Hopeless, Refused
from pillarbox.wire.reader import LineTooLong, Reader

_MARKER = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\Z")
_MARKER_OCTETS = 24
_PIECE = 256 * 1024
_TOO_BIG = "TOOBIG"
CONTINUE = b"+ Ready\r\n"


class Announced(NamedTuple):
    """The literal at the end of a line: its octets may hold NUL when it is binary (`~`); a pushed one comes at once."""

    size: int
    is_binary: bool
    is_pushed: bool


class Intake:
    """Reads one command. After Refused call `drain`, and `discard` when the command is not handed over."""

    __slots__ = (
        "_appended", "_is_complete", "_limits", "_literals", "_octets", "_open_sink", "_options", "_output", "_reader",
        "_sinks", "begin", "pending",
    )  # fmt: skip

    def __init__(
        self, reader: Reader, output: list[bytes], options: Options, limits: Limits, open_sink: Callable[[], Sink]
    ) -> None:
        self._reader = reader
        self._output = output
        self._options = options
        self._limits = limits
        self._open_sink = open_sink
        self._octets = self._literals = self._appended = 0
        self._is_complete = True  # nothing of the command is on its way
        self._sinks: list[Sink] = []
        self.begin = ""  # of a line that is too long
        self.pending: Announced | None = None  # the literal that comes next

    @property
    def max_parts(self) -> int:
        """How many parts a message may be joined of."""
        return self._options.max_messages

    def line(self) -> Generator[None, Any, str]:
        """The next line, without its end; if a literal is announced there, with a line feed.

        RFC 9051 §2.2: lines end in CRLF; that LF alone ends one, too, is for those who type.
        """
        limit = self._limits.line
        try:
            line = yield from self._reader.line(limit)
        except LineTooLong:
            begin = yield from self._reader.exact(limit)
            self.begin = begin.decode("utf-8", "surrogateescape")
            yield from self._skip_line(begin)
            raise Refused("The line is too long", code=_TOO_BIG) from None
        self._octets += len(line)
        if self._octets > self._limits.command:
            self._note_end(line)
            raise Refused("The command is too long", code=_TOO_BIG)
        line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if not line.endswith(b"}"):
            self._is_complete, self.pending = True, None
            # Spaces at the end of a command mean nothing, and some clients leave one there.
            return line.rstrip(b" ").decode("utf-8", "surrogateescape")
        self._note_end(line)
        return line.decode("utf-8", "surrogateescape") + ("\n" if self.pending else "")

    def literal(self) -> Generator[None, Any, bytes]:
        """The literal that is pending, when it is no message."""
        announced = self._pending()
        self._literals += 1
        if self._literals > self._limits.literals:
            raise Refused("Too many literals", status="NO", code="LIMIT")
        if announced.size > min(self._limits.literal, self._limits.command - self._octets):
            raise Refused("The literal is too big", status="NO", code=_TOO_BIG)
        self._octets += announced.size
        self._begin(announced)
        octets = yield from self._reader.exact(announced.size)
        if b"\0" in octets and not announced.is_binary:
            raise Refused("A literal has no NUL")
        return octets

    def message(self) -> Generator[None, Any, tuple[Sink, int]]:
        """The literal that is pending, as it comes, into a sink of its own; and its size.

        RFC 7889 §4: one that is too big is refused with TOOBIG before it is sent.
        """
        announced = self._pending()
        self._appended += announced.size
        if len(self._sinks) == self._options.max_messages:
            raise Refused("Too many messages in one command", status="NO", code="LIMIT")
        if announced.size > self._options.max_message or self._appended > self._options.max_append:
            raise Refused("The message is too big", status="NO", code=_TOO_BIG)
        sink = self._open_sink()
        self._sinks.append(sink)
        self._begin(announced)
        left, has_nul = announced.size, False
        while left:
            piece = yield from self._reader.chunk(min(left, _PIECE))
            left -= len(piece)
            has_nul = has_nul or (not announced.is_binary and b"\0" in piece)
            if not has_nul:
                sink.write(piece)
        if has_nul:
            raise Refused("The message has NUL octets, which only a binary literal may have", status="NO")
        return sink, announced.size

    def drain(self) -> Generator[None, Any, None]:
        """Read over what the client sends of this command without waiting for us; Hopeless if that is too much."""
        while not self._is_complete:
            if self.pending is not None:
                if not self.pending.is_pushed:
                    return  # the client waits, and hears the refusal
                if self.pending.size > self._limits.swallowed:
                    raise Hopeless("The literal is too big")
                yield from self._swallow(self.pending.size)
            yield from self._skip_line(b"")

    def discard(self) -> None:
        """Give up the messages that came."""
        for sink in self._sinks:
            sink.discard()
        self._sinks.clear()

    def _pending(self) -> Announced:
        if self.pending is None:
            raise Refused("A literal is missing")
        return self.pending

    def _begin(self, announced: Announced) -> None:
        """The literal is welcome; after it the command goes on."""
        self.pending = None
        if not announced.is_pushed:
            self._output.append(CONTINUE)

    def _swallow(self, count: int) -> Generator[None, Any, None]:
        while count:
            count -= len((yield from self._reader.chunk(min(count, _PIECE))))

    def _skip_line(self, read: bytes) -> Generator[None, Any, None]:
        """Read over the rest of a line, in bounded memory; what it announces at its end is noted."""
        tail = read
        while True:
            tail = tail[-_MARKER_OCTETS:]
            try:
                tail += yield from self._reader.line(4096)
            except LineTooLong:
                tail += yield from self._reader.exact(4096)
            else:
                break
        self._note_end(tail)

    def _note_end(self, line: bytes) -> None:
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        match = _MARKER.search(line, max(0, len(line) - _MARKER_OCTETS))
        self._is_complete = match is None
        self.pending = Announced(int(match[2]), bool(match[1]), bool(match[3])) if match else None
