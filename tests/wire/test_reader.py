from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.reader import EndOfInput, LineTooLong, Reader


def drive(reader: Reader, parser: Generator[None, Any, Any], pieces: list[bytes]) -> Any:
    """Feeds the pieces one by one as the parser asks, then the end; the parser's result."""
    waiting = iter(pieces)
    try:
        while True:
            next(parser)
            piece = next(waiting, None)
            if piece is None:
                reader.feed_end()
            else:
                reader.feed(piece)
    except StopIteration as stop:
        return stop.value


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bc", b""]), max_size=30), st.data())
def test_lines_do_not_depend_on_the_pieces(words: list[bytes], data: st.DataObject) -> None:
    octets = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8)))
    pieces = [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
    reader = Reader()
    lines: list[bytes] = []

    def parser() -> Generator[None, Any, None]:
        while True:
            lines.append((yield from reader.line(100)))

    with pytest.raises(EndOfInput):
        drive(reader, parser(), pieces)
    rest = octets.rpartition(b"\n")[2]
    assert b"".join(lines) + rest == octets
    assert all(line.endswith(b"\n") for line in lines)


@pytest.mark.parametrize(("octets", "fits"), [(b"1234\n", True), (b"12345\n", False), (b"12345", False)])
def test_the_limit_of_a_line_counts_its_line_feed(octets: bytes, fits: bool) -> None:
    for pieces in ([octets], [octets[at : at + 1] for at in range(len(octets))]):
        reader = Reader()
        if fits:
            assert drive(reader, reader.line(5), pieces) == octets
        else:
            with pytest.raises(LineTooLong):
                drive(reader, reader.line(5), pieces)


def test_a_line_that_is_too_long_can_be_skipped_without_keeping_it() -> None:
    reader = Reader()

    def parser() -> Generator[None, Any, bytes]:
        with pytest.raises(LineTooLong):
            yield from reader.line(5)
        yield from reader.skip_line()
        return (yield from reader.line(5))

    assert drive(reader, parser(), [b"x" * 50] * 20 + [b"x\nnext\n"]) == b"next\n"


def test_exact_and_chunk_count_octets() -> None:
    reader = Reader()
    reader.feed(b"abcdef")
    assert drive(reader, reader.exact(2), []) == b"ab"
    assert drive(reader, reader.chunk(3), []) == b"cde"
    assert drive(reader, reader.chunk(3), []) == b"f"
    assert drive(reader, reader.exact(4), [b"gh", b"", b"ijk"]) == b"ghij"
    assert len(reader) == 1
    assert drive(reader, reader.exact(0), []) == b""


def test_octets_can_be_given_back_or_dropped() -> None:
    reader = Reader()
    reader.feed(b"abcdef\n")
    taken = drive(reader, reader.exact(5), [])
    reader.unread(taken[3:])
    assert drive(reader, reader.line(9), []) == b"def\n"
    reader.feed(b"injected")
    reader.discard()
    assert len(reader) == 0


def test_the_end_of_input_breaks_off_what_is_being_read() -> None:
    for name in ("exact", "chunk"):
        reader = Reader()
        with pytest.raises(EndOfInput):
            drive(reader, getattr(reader, name)(3), [])
