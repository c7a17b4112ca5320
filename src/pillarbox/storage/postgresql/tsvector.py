"""Full text on PostgreSQL's tsvector and GIN, with the answers that FTS5 gives.

A lexeme is a tag of the account, a letter for the column, and a word: one index serves all accounts, a search reads
only its own account's lexemes, and a phrase cannot reach from one column into the next. A tsvector has bounds
(positions up to 16,383, 256 of a lexeme, 1 MB): a long document is kept in pieces that overlap, each within them.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pillarbox.storage.database import Connection, Sql, Value
from pillarbox.storage.postgresql.tokenizer import tokens
from pillarbox.storage.text_index import COLUMNS, mark, marks, split_terms, spread

_LETTERS = dict(zip(COLUMNS, "abcdefg", strict=True))
_MARK_LETTER = "h"
_PIECE = 4_000  # words
_WINDOW = 64  # the longest phrase that is looked for as one
_WINDOWS = 8
_MOST_POSITIONS = 255
_LONGEST_MARK = 200  # octets
_MOST_OCTETS = 800_000  # of one tsvector
_WHOLE = "SELECT doc FROM text_index WHERE account = ? AND part = 0 AND tokens @@ ?::tsquery"
_PIECES = "SELECT doc FROM text_index WHERE account = ? AND part > 0 AND tokens @@ ?::tsquery"
_NONE = "SELECT doc FROM text_index WHERE 1 = 0"
Lexemes = dict[str, list[int]]  # with positions


class TsvectorIndex:
    """The table `text_index`: a document whole as part 0, or in pieces from part 1 on."""

    def add(self, db: Connection, account: str, doc: int, text: Mapping[str, str]) -> None:
        pieces = _pieces(_tag(account), text)
        first = 0 if len(pieces) == 1 else 1
        for part, lexemes in enumerate(pieces, first):
            sql = "INSERT INTO text_index (account, doc, part, tokens) VALUES (?, ?, ?, ?::tsvector)"
            db.run(sql, (account, doc, part, _written(lexemes)))

    def remove(self, db: Connection, account: str, doc: int) -> None:
        db.run("DELETE FROM text_index WHERE account = ? AND doc = ?", (account, doc))

    def remove_all(self, db: Connection, account: str, docs: str, values: Sequence[Value]) -> None:
        db.run(f"DELETE FROM text_index WHERE account = ? AND doc IN ({docs})", (account, *values))

    def search(self, account: str, columns: Sequence[str], text: str) -> Sql | None:
        wanted = [
            (tokens(spread(word)), is_prefix) for word, is_prefix in split_terms(text) if any(c.isalnum() for c in word)
        ]
        if not wanted:
            return None
        if not all(words for words, _ in wanted):
            return _NONE, []
        letters = [_LETTERS[column] for column in columns or COLUMNS]
        return _select(account, [q for words, is_prefix in wanted for q in _term(account, letters, words, is_prefix)])

    def marked(self, account: str, header_name: str) -> Sql:
        return _select(account, [f"'{_mark(_tag(account), mark(header_name))}'"])

    def missing(self, db: Connection, account: str, limit: int) -> list[str]:
        sql = (
            "SELECT id FROM email_index e WHERE account = ? AND NOT EXISTS"
            " (SELECT 1 FROM text_index t WHERE t.account = e.account AND t.doc = e.doc) LIMIT ?"
        )
        return [str(id) for (id,) in db.rows(sql, (account, limit))]

    def stray(self, db: Connection, limit: int) -> list[int]:
        sql = (
            "SELECT DISTINCT doc FROM text_index t WHERE NOT EXISTS"
            " (SELECT 1 FROM email_index e WHERE e.account = t.account AND e.doc = t.doc) LIMIT ?"
        )
        return [int(str(doc)) for (doc,) in db.rows(sql, (limit,))]


@functools.lru_cache(maxsize=4096)
def _tag(account: str) -> str:
    """Six characters for an account. Two with the same share index entries, not answers: rows name their account."""
    return base64.b32hexencode(hashlib.blake2b(account.encode(), digest_size=5).digest()).decode("ascii").lower()[:6]


def _mark(tag: str, name: str) -> str:
    return tag + _MARK_LETTER + name.encode("utf-8", "replace")[:_LONGEST_MARK].decode("utf-8", "ignore")


def _pieces(tag: str, text: Mapping[str, str]) -> list[Lexemes]:
    """The document's lexemes: all in one when they fit, else in pieces."""
    runs = list(_runs(tag, text))
    marked: Lexemes = {_mark(tag, name): [] for name in marks(text)}
    columns = {prefix for prefix, _ in runs}
    if len(runs) == len(columns) and sum(len(word) * 4 + 12 for _, words in runs for word in words) < _MOST_OCTETS:
        return [_lexemes(runs, marked)]
    return [_lexemes([run], {}) for run in runs] + [marked]


def _runs(tag: str, text: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """(what a lexeme begins with, words) of each column; long ones several times, overlapping by a phrase."""
    for column in COLUMNS:
        words = tokens(spread(text.get(column, "")))
        for start in range(0, len(words), _PIECE):
            yield tag + _LETTERS[column], words[start : start + _PIECE + _WINDOW - 1]


def _lexemes(runs: Iterable[tuple[str, Sequence[str]]], more: Lexemes) -> Lexemes:
    out = dict(more)
    for prefix, words in runs:
        for position, word in enumerate(words, 1):
            positions = out.setdefault(prefix + word, [])
            if len(positions) < _MOST_POSITIONS:
                positions.append(position)
    return out


def _written(lexemes: Lexemes) -> str:
    """As PostgreSQL reads a tsvector. Words are letters and digits: nothing in them has to be escaped."""
    return " ".join(f"'{lexeme}':{','.join(map(str, at))}" if at else f"'{lexeme}'" for lexeme, at in lexemes.items())


def _term(account: str, letters: Sequence[str], words: Sequence[str], is_prefix: bool) -> list[str]:  # noqa: FBT001
    """The tsqueries of a word or phrase, all of which have to match: a long phrase is looked for window by window."""
    tag, last, out = _tag(account), len(words) - 1, []
    for start in range(0, max(1, last), _WINDOW - 1)[:_WINDOWS]:
        end = min(start + _WINDOW - 1, last)
        star = ":*" if is_prefix and end == last else ""
        ways = [" <-> ".join(f"'{tag}{letter}{word}'" for word in words[start : end + 1]) + star for letter in letters]
        out.append(" | ".join(f"({way})" for way in ways))
    return out


def _select(account: str, queries: Sequence[str]) -> Sql:
    pieces = " INTERSECT ".join([_PIECES] * len(queries))
    values: list[Value] = [account, " & ".join(f"({query})" for query in queries)]
    for query in queries:
        values += [account, query]
    return f"{_WHOLE} UNION {pieces}", values
