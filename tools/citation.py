"""Citations of RFCs in docstrings and comments, in their one spelling: `RFC 9051 §6.4.4`.

One citation may name several sections: `RFC 8620 §5.1, §5.2 and §5.3`, or a range's ends: `RFC 2045 §2.7-§2.9`.
An appendix is a section with a letter: `RFC 5322 §A.1.2`. A § without an RFC may belong to another document,
and `[RFC5198]` in brackets belongs to a quotation: RFCs cite each other so.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

SECTION = r"§(?:\d+|[A-Z])(?:\.\d+)*"
CITATION = re.compile(rf"\bRFC (?P<rfc>\d{{3,5}})(?P<sections>(?: {SECTION}(?:(?:, and |, | and | or |-){SECTION})*)?)")
# `RFC822`, `RFC822.SIZE` and so on, in capitals, are what IMAP calls parts of a message (RFC 9051 §7.5.2).
MENTION = re.compile(r"(?<!\[)\b(?-i:(?!RFC822\b))RFCs?(?=[-_ :]*\d)", re.IGNORECASE)
# What may not follow a citation: another way to write a section.
STRAY = re.compile(r" ?§|,? ?(?:(?:sections?|sect?\.|chapter) ?\d|appendix [A-Z]\b)| \d+\.\d", re.IGNORECASE)
# The rest of a misspelt citation, so that it is reported once.
REST = re.compile(r"[-_ :]*\d*[ ,]*§* ?[\d.]*")


@dataclass(frozen=True)
class Citation:
    """One RFC, and the sections of it that a text names, without their sign; none means the whole RFC."""

    rfc: int
    sections: tuple[str, ...]


@dataclass(frozen=True)
class Misspelling:
    """A citation that is not in the one spelling: the line where its text starts, and what stands there."""

    line: int
    text: str


def read(source: str) -> tuple[list[Citation], list[Misspelling]]:
    """Find all citations in a module's docstrings and comments, and those that are misspelt."""
    citations: list[Citation] = []
    misspellings: list[Misspelling] = []
    for line, text in [*docstrings(source), *comments(source)]:
        found, wrong = read_text(" ".join(text.split()))
        citations += found
        misspellings += [Misspelling(line, excerpt) for excerpt in wrong]
    return citations, misspellings


def read_text(text: str) -> tuple[list[Citation], list[str]]:
    """Find the citations in a text on one line; second, excerpts of the misspelt ones."""
    citations: list[Citation] = []
    wrong: list[str] = []
    position = 0
    while mention := MENTION.search(text, position):
        match = CITATION.match(text, mention.start())
        if match is None or STRAY.match(text, match.end()):
            wrong.append(text[max(0, mention.start() - 10) : mention.end() + 30])
            rest = REST.match(text, (match or mention).end())
            position = rest.end() if rest else mention.end()
            continue
        sections = tuple(section[1:] for section in re.findall(SECTION, match["sections"]))
        citations.append(Citation(int(match["rfc"]), sections))
        position = match.end()
    return citations, wrong


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """The docstrings of a module, its classes and functions, each with the line where it starts."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (text := ast.get_docstring(node, clean=False)) is not None:
            yield node.body[0].lineno, text


def comments(source: str) -> Iterator[tuple[int, str]]:
    """The comments of a module, those on neighbouring lines as one text, each with its first line."""
    first, last, words = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if words and token.start[0] != last + 1:
            yield first, words
            words = ""
        first = first if words else token.start[0]
        last, words = token.start[0], f"{words} {token.string.lstrip('#')}"
    if words:
        yield first, words
