"""Headers as mail has them, and as it should not: any names, folds, repeated fields, octets and line ends."""

from __future__ import annotations

from hypothesis import strategies as st

from pillarbox.datatypes.email.header_part import NAMES

OTHERS = ("X-Mailer", "Return-Path", "Resent-Date", "Subjec", "Subject-X", "From_")
_VALUES = (
    b"",
    b"x",
    b"Ann <ann@example.org>",
    b"caf\xc3\xa9 \xff",
    b"=?utf-8?q?x?=",
    b"with \0 NUL",
    b"a: b",
    b"%d %b",
)
_LENGTHS = (1, 90, 400, 880, 960, 2_000, 4_100)
_ENDS = (b"\r\n", b"\n", b"\r\n\tfolded\r\n", b"\n more\r\n", b"\r\n \r\n")


def cased(draw: st.DrawFn, name: str) -> str:
    """A name in one of some spellings."""
    return draw(st.sampled_from((name, name.upper(), name.title(), name.swapcase())))


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A header: its fields, and the empty line that some lack."""
    out = []
    for _ in range(draw(st.integers(0, 12))):
        name = cased(draw, draw(st.sampled_from((*NAMES, *NAMES, *OTHERS))))
        value = draw(st.sampled_from(_VALUES))
        if draw(st.integers(0, 3)) == 0:
            value += b"y" * draw(st.sampled_from(_LENGTHS))
        colon = draw(st.sampled_from((b":", b": ", b" : ")))
        out.append(name.encode() + colon + value + draw(st.sampled_from(_ENDS)))
    octets = b"".join(out)
    match draw(st.integers(0, 9)):
        case 0:
            return octets.removesuffix(b"\n").removesuffix(b"\r")
        case 1:
            return octets + b"no field\r\n"
        case 2:
            return b"From ann Mon Nov  2 10:00:00 2026\r\n" + octets + b"\r\n"
        case _:
            return octets + b"\r\n"


@st.composite
def field_names(draw: st.DrawFn) -> tuple[str, ...]:
    """Some names, most of them of those that are stored, in any order and more than once."""
    pool = NAMES if draw(st.integers(0, 4)) else (*NAMES, *OTHERS)
    return tuple(cased(draw, name) for name in draw(st.lists(st.sampled_from(pool), min_size=1, max_size=20)))
