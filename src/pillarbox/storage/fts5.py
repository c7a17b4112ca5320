"""Full text on SQLite's FTS5: what is written to the index, and how a search text becomes its query."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from pillarbox.storage.database import Connection, Sql, Value
from pillarbox.storage.text_index import COLUMNS, mark, marks, split_terms, spread

_UNQUOTABLE = re.compile('["\0]')  # FTS5 reads its query up to the first NUL
_MATCH = "SELECT rowid AS doc FROM text_index WHERE text_index MATCH ?"


class Fts5Index:
    """The virtual table `text_index`; its rowid is `email_index.doc`."""

    def add(self, db: Connection, account: str, doc: int, text: Mapping[str, str]) -> None:
        db.run(
            "INSERT INTO text_index (rowid, scope, sender, recipient, cc, bcc, subject, body, attachment, marks)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (doc, scope(account), *[spread(text.get(column, "")) for column in COLUMNS], " ".join(marks(text))),
        )

    def remove(self, db: Connection, account: str, doc: int) -> None:
        db.run("DELETE FROM text_index WHERE rowid = ?", (doc,))

    def remove_all(self, db: Connection, account: str, docs: str, values: Sequence[Value]) -> None:
        db.run(f"DELETE FROM text_index WHERE rowid IN ({docs})", values)

    def search(self, account: str, columns: Sequence[str], text: str) -> Sql | None:
        found = query(account, columns, text)
        return (_MATCH, [found]) if found else None

    def marked(self, account: str, header_name: str) -> Sql:
        return _MATCH, [f"scope : {scope(account)} AND marks : {mark(header_name)}"]

    def missing(self, db: Connection, account: str, limit: int) -> list[str]:
        sql = f"SELECT id FROM email_index WHERE account = ? AND doc NOT IN ({_MATCH}) LIMIT ?"
        return [str(id) for (id,) in db.rows(sql, (account, f"scope : {scope(account)}", limit))]

    def stray(self, db: Connection, limit: int) -> list[int]:
        sql = "SELECT rowid FROM text_index WHERE rowid NOT IN (SELECT doc FROM email_index) LIMIT ?"
        return [int(str(doc)) for (doc,) in db.rows(sql, (limit,))]


@functools.lru_cache(maxsize=4096)
def scope(account: str) -> str:
    """The token that stands for an account: letters and digits only."""
    return "a" + "".join(c if c.isalnum() else f"x{ord(c):x}" for c in account)


def terms(text: str) -> list[str]:
    """The search text as FTS5 expressions, all of which have to match.

    Nothing of the text reaches FTS5 but inside a quoted string, so no text is a syntax error.
    """
    out = []
    for word, is_prefix in split_terms(text):
        if any(c.isalnum() for c in word):
            out.append(f'"{_UNQUOTABLE.sub(" ", spread(word)).strip()}"{"*" if is_prefix else ""}')
    return out


def query(account: str, columns: Sequence[str], text: str) -> str | None:
    """The FTS5 query for a text in some columns (all that a person reads, if none is named); None without a word."""
    found = terms(text)
    if not found:
        return None
    names = " ".join(columns or COLUMNS)
    return f"scope : {scope(account)} AND ({{{names}}} : ({' AND '.join(found)}))"
