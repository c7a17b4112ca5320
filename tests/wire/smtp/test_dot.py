import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.smtp.dot import DotStream, LineCheck

WORDS = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"x", b"\r\n.", b"..", b"\0"]), max_size=25)


def pieces_of(octets: bytes, cuts: list[int]) -> list[bytes]:
    cuts = sorted(cut % (len(octets) + 1) for cut in cuts)
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def line_by_line(octets: bytes) -> tuple[bytes, bytes | None]:
    """The slow and plain reading of RFC 5321 §4.5.2, to compare with."""
    content = b""
    while octets:
        line, end, rest = octets.partition(b"\r\n")
        if end and line == b".":
            return content, rest
        content += line.removeprefix(b".") + end
        octets = rest
    return content, None


@given(WORDS, st.lists(st.integers(0, 200), max_size=6))
def test_the_fast_reading_is_the_plain_reading_whatever_the_pieces(words: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(words) + b"\r\n.\r\nQUIT"
    stream = DotStream()
    content = b""
    pieces = pieces_of(octets, cuts)
    while stream.rest is None:
        content += stream.feed(pieces.pop(0))
    rest = stream.rest + b"".join(pieces)
    assert (content, rest) == line_by_line(octets)


@given(WORDS, st.lists(st.integers(0, 200), max_size=6))
def test_bare_newlines_are_seen_over_any_division(words: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(words)
    check = LineCheck(0)
    pieces = pieces_of(octets, cuts)
    found = False
    for number, piece in enumerate(pieces):
        found = check.has_bare_newline(piece, last=number == len(pieces) - 1)
        if found:
            break
    stripped = octets.replace(b"\r\n", b"")
    assert found == (b"\r" in stripped or b"\n" in stripped)


@given(st.lists(st.integers(1, 12), max_size=6), st.lists(st.integers(0, 200), max_size=6))
def test_long_lines_are_seen_over_any_division(lengths: list[int], cuts: list[int]) -> None:
    octets = b"".join(b"x" * length + b"\r\n" for length in lengths)
    check = LineCheck(10)
    assert any(check.has_long_line(piece) for piece in pieces_of(octets, cuts)) == any(n + 2 > 10 for n in lengths)


@pytest.mark.parametrize(
    "ending",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\r.\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r.\n",
        b"\n.\r",
    ],
)
def test_only_crlf_dot_crlf_is_the_end(ending: bytes) -> None:
    stream = DotStream()
    stream.feed(b"text" + ending + b"MAIL FROM:<smuggled@example.org>\r\n")
    assert stream.rest is None
