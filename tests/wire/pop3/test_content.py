import poplib
import random
from io import BytesIO
from typing import Any

import pytest

from pillarbox.wire.pop3.content import Content

MESSAGE = b"Subject: x\r\nTo: y\r\n\r\none\r\ntwo\r\n\r\nfour\r\n"
HEADER = b"Subject: x\r\nTo: y\r\n\r\n"


def sent(message: bytes, lines: int | None = None, size: int = 0) -> bytes:
    """What goes to the client when the message comes in pieces of a size."""
    content, out = Content(lines), b""
    for start in range(0, len(message), size or max(1, len(message))):
        out += content.feed(message[start : start + (size or len(message))])
    return out + content.end()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..a\r\n.b\r\n", b"...a\r\n..b\r\n.\r\n"),
        (b"a\r\n.\r\nDELE 1\r\n", b"a\r\n..\r\nDELE 1\r\n.\r\n"),
        (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"\n\n", b"\r\n\r\n.\r\n"),
        (b"\r\n\n\r\n", b"\r\n\r\n\r\n.\r\n"),
        (b"a\r.\r\n", b"a\r.\r\n.\r\n"),
        (b"a\r\r\n.b", b"a\r\r\n..b\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
        (b"a\0\xff\r\n", b"a\0\xff\r\n.\r\n"),
    ],
)
def test_lines_end_in_crlf_and_dots_are_stuffed(message: bytes, wire: bytes, size: int) -> None:
    assert sent(message, size=size) == wire


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
@pytest.mark.parametrize(
    ("message", "lines", "wire"),
    [
        (MESSAGE, 0, HEADER),
        (MESSAGE, 1, HEADER + b"one\r\n"),
        (MESSAGE, 3, HEADER + b"one\r\ntwo\r\n\r\n"),
        (MESSAGE, 4, MESSAGE),
        (MESSAGE, 9_999_999_999, MESSAGE),
        (MESSAGE.replace(b"\r\n", b"\n"), 2, HEADER + b"one\r\ntwo\r\n"),
        (b"\r\nbody\r\nmore\r\n", 1, b"\r\nbody\r\n"),
        (b"\r\nbody\r\n", 0, b"\r\n"),
        (b"Subject: no body", 5, b"Subject: no body\r\n"),
        (b"Subject: no body\r\n", 0, b"Subject: no body\r\n"),
        (b"A: b\r\n\r\nno end", 1, b"A: b\r\n\r\nno end\r\n"),
        (b"A: b\r\n\r\n.\r\n.\r\n", 1, b"A: b\r\n\r\n..\r\n"),
    ],
)
def test_top_ends_after_so_many_lines_of_the_body(message: bytes, lines: int, wire: bytes, size: int) -> None:
    assert sent(message, lines, size) == wire + b".\r\n"


def test_top_wants_no_more_of_a_message_than_it_shows() -> None:
    content = Content(1)
    pieces = (HEADER, b"one\r\ntwo\r\n", b"three\r\n")
    seen = [(content.feed(piece), content.is_complete) for piece in pieces]
    assert seen == [(HEADER, False), (b"one\r\n", True), (b"", True)]


class _Connection(poplib.POP3):
    """A client of the standard library, which takes an LF for the end of a line, reading from memory."""

    _getlongresp: Any
    _getresp: Any

    def __init__(self, octets: bytes) -> None:
        self.file: Any = BytesIO(octets)
        self._debugging = 0


@pytest.mark.parametrize("lines", [None, 0, 1, 3])
def test_no_message_can_end_itself_or_speak_for_the_server(lines: int | None) -> None:
    chance = random.Random(11)
    for _ in range(2_000):
        message = b"".join(chance.choices([b"\r", b"\n", b"\r\n", b".", b"a", b"+OK", b"\r\n\r\n"], k=12))
        wire = sent(message, lines, chance.randrange(4))
        client = _Connection(b"+OK\r\n" + wire + b"+OK next\r\n")
        client._getlongresp()
        assert client._getresp() == b"+OK next", message
        assert wire.count(b"\r\n.\r\n") == (1 if wire != b".\r\n" else 0)
        assert wire.count(b"\n") == wire.count(b"\r\n")
