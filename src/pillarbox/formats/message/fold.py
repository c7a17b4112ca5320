"""Folds a header field into lines.

Sections: RFC 5322 §2.1.1, §2.2.3; RFC 2047 §2.
"""

import re
from collections.abc import Iterable, Iterator

# RFC 2047 §2: a line with encoded words is limited to 76; this keeps the 78 of RFC 5322 §2.1.1 as well.
LINE_LENGTH = 76
# RFC 5322 §2.1.1: "Each line of characters MUST be no more than 998 characters" (octets, RFC 6532 §3.4).
HARD_LENGTH = 998

_WORD = re.compile(r"[ \t]*[^ \t]+")


def fold(name: str, units: Iterable[str]) -> bytes:
    """The field `name: value` with its CRLF; breaks are put before units, and inside one only if it fills a line.

    The units join to the value; each but the first begins with white space, and that white space is kept, so that
    unfolding gives the value back. A unit of more than 998 octets without white space is cut: nothing else is left.
    """
    lines = [f"{name}:"]
    fresh = True
    for unit in units:
        text = unit if not fresh or unit[:1] in (" ", "\t") else " " + unit
        fresh = False
        if len(lines[-1]) + len(text) <= LINE_LENGTH:
            lines[-1] += text
            continue
        for word in _words(text) if len(text) > LINE_LENGTH else (text,):
            _place(lines, word, len(name) + 1)
    return "\r\n".join(_bounded(lines)).encode() + b"\r\n"


def fold_raw(name: str, value: str) -> bytes:
    """A field whose value is given as it shall stand, white space and folds included.

    What would break the header is mended: a line break that is no fold becomes one, NUL is dropped, and lines of more
    than 998 octets are folded.
    """
    lines = [line for line in re.split(r"\r\n|\r|\n", value.replace("\0", "")) if line.strip(" \t")] or [""]
    lines = [line if not number or line[0] in " \t" else " " + line for number, line in enumerate(lines)]
    if value[:1] in ("\r", "\n") and lines[0]:
        lines.insert(0, "")
        lines[1] = lines[1] if lines[1][0] in " \t" else " " + lines[1]
    lines[0] = f"{name}:{lines[0]}"
    out: list[str] = []
    for line in lines:
        out += [line] if len(line.encode(errors="replace")) <= HARD_LENGTH else _refold(line)
    return "\r\n".join(_bounded(out)).encode(errors="replace") + b"\r\n"


def _words(text: str) -> Iterator[str]:
    """The words of a unit with the white space before them; a trailing space stays with the last word."""
    end = 0
    last = ""
    for match in _WORD.finditer(text.rstrip(" \t")):
        if last:
            yield last
        last, end = match[0], match.end()
    yield last + text[end:]


def _place(lines: list[str], word: str, bare: int) -> None:
    # A first line of nothing but the name is legal, but tempts some readers to see an empty field.
    if len(lines[-1]) + len(word) <= LINE_LENGTH or (len(lines) == 1 and len(lines[0]) == bare):
        lines[-1] += word
    elif word[:1] in (" ", "\t"):
        lines.append(word)
    else:
        lines.append(" " + word)


def _refold(line: str) -> list[str]:
    lines = [""]
    for word in _words(line):
        _place(lines, word, 0)
    return lines


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """Cuts lines that are still too long; octets count, so text that is not ASCII is cut earlier than need be."""
    for line in lines:
        if len(line) <= HARD_LENGTH // 4 or len(line.encode(errors="replace")) <= HARD_LENGTH:
            yield line
            continue
        step = HARD_LENGTH - 1 if line.isascii() else (HARD_LENGTH - 1) // 4
        for start in range(0, len(line), step):
            piece = line[start : start + step]
            if piece.strip(" \t"):
                yield " " + piece if start else piece
