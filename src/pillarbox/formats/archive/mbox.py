"""Reading an mbox as a stream, one message at a time.

RFC 4155, and the dialects mboxo and mboxrd. A From_ line separates only at the start or after a blank line, and with a
plausible date. Content-Length is not believed: where it is wrong, it would swallow messages.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader

from pillarbox.formats.archive.from_line import parse_from_line
from pillarbox.formats.archive.line_ending import to_crlf
from pillarbox.formats.archive.message import ReadOptions

_LINE_OCTETS = 1 << 16
_BLANK = (b"\n", b"\r\n")
_ESCAPED_RD = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_ESCAPED_O = re.compile(rb"^>(?=From )", re.MULTILINE)


@dataclass(slots=True)
class MboxMessage:
    """A message of an mbox: the octet offset of its From_ line, the time in it, and the message with CRLF, unescaped.

    `data` is None if the message was not wanted, or larger than the limit (`too_large`).
    """

    offset: int
    received_at: datetime
    data: bytes | None = None
    too_large: bool = False


def is_mbox(head: bytes) -> bool:
    """Tell whether octets from the start of a file are the start of an mbox with at least one message."""
    return parse_from_line(head.lstrip(b"\r\n").partition(b"\n")[0]) is not None


def read_mbox(
    stream: BufferedReader, options: ReadOptions, wanted: Callable[[int], bool] | None = None
) -> Iterator[MboxMessage]:
    """Yield the messages of an mbox; of those whose offset is not wanted, nothing is kept.

    Memory is bounded by `max_message_octets`. What stands before the first From_ line is no message and is passed over.
    """
    collector: _Collector | None = None
    offset, after_blank = 0, True
    while line := stream.readline(_LINE_OCTETS):
        received_at = parse_from_line(line) if after_blank else None
        if received_at is not None:
            if collector is not None:
                yield collector.message()
            limit = options.max_message_octets if wanted is None or wanted(offset) else -1
            collector = _Collector(MboxMessage(offset, received_at), limit, options)
        elif collector is not None:
            collector.add(line)
        offset += len(line)
        after_blank = line in _BLANK
    if collector is not None:
        yield collector.message()


class _Collector:
    """Gathers the lines of one message up to a limit; a negative limit gathers nothing."""

    def __init__(self, message: MboxMessage, limit: int, options: ReadOptions) -> None:
        self._message = message
        self._limit = limit
        self._escaped = _ESCAPED_RD if options.mbox_dialect == "mboxrd" else _ESCAPED_O
        self._octets = 0
        self._data = bytearray()

    def add(self, line: bytes) -> None:
        self._octets += len(line)
        if self._octets <= self._limit + 2:  # the blank line before the next From_ is not the message's
            self._data += line
        elif self._data:
            self._data = bytearray()

    def message(self) -> MboxMessage:
        message = self._message
        if self._limit < 0:
            return message
        data = self._without_separator() if self._octets <= self._limit + 2 else b""
        message.too_large = self._octets > self._limit + 2 or len(data) > self._limit
        if not message.too_large:
            message.data = to_crlf(self._escaped.sub(b"", data) if b">From " in data else data)
        return message

    def _without_separator(self) -> bytes:
        data, self._data = bytes(self._data), bytearray()
        for ending in (b"\r\n\r\n", b"\n\n"):
            if data.endswith(ending):
                return data[: -len(ending) // 2]
        return b"" if data in _BLANK else data
