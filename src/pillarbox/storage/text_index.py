"""What all text indexes share: columns, marks of header fields, and the terms of a search text.

Words are folded in case and diacritics by a tokenizer; Chinese, Japanese and Korean, written without spaces, are
indexed a character a token and searched as phrases.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence

from pillarbox.storage.database import Connection

COLUMNS = ("sender", "recipient", "cc", "bcc", "subject", "body", "attachment")
_CJK = re.compile(
    "[\u2e80-\u2fdf\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_TERM = re.compile(r"""(?:\"((?:\\.|[^\\"])*)\"|'((?:\\.|[^\\'])*)'(?!\w))(\*?)|(\S+)""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MAX_TERMS = 50
_UNMARKED = frozenset({
    "return-path", "received", "delivered-to", "date", "from", "to", "subject", "message-id", "mime-version",
    "content-type", "content-transfer-encoding", "x-original-to", "errors-to", "sender", "precedence", "reply-to",
    "x-mailer", "references", "in-reply-to",
})  # fmt: skip


def spread(text: str) -> str:
    """The text with every CJK character as a word of its own."""
    return text if text.isascii() else _CJK.sub(lambda m: f" {m[0]} ", text)


@functools.lru_cache(maxsize=4096)
def mark(header_name: str) -> str:
    """The token that stands for the presence of a header field."""
    return "h" + "".join(c if c.isalnum() else "x" for c in header_name.lower())


def has_marks(header_name: str) -> bool:
    """Whether the index knows which documents have the header field: not for those that nearly all have."""
    return header_name.lower() not in _UNMARKED


def marks(text: Mapping[str, str]) -> list[str]:
    """The tokens of the header fields that a document has."""
    return [mark(name) for name in text.get("marks", "").split(" ") if name and has_marks(name)]


def follow(db: Connection, texts: Sequence[tuple[int, str, Mapping[str, str] | None]]) -> None:
    """Add and remove documents, in order: (document, account, text by column, or None to remove it)."""
    for doc, account, text in texts:
        if text is None:
            db.texts.remove(db, account, doc)
        else:
            db.texts.add(db, account, doc, text)


def split_terms(text: str) -> list[tuple[str, bool]]:
    """The words and phrases of a search text, each with whether its last word may go on: `pill*`, `"my pill"*`.

    RFC 8621 §4.4.1: "Text contained in either (but matched) single (') or double (") quotes SHOULD be treated as a
    phrase search", in which quotes and backslashes are escaped by a backslash.
    """
    out = []
    for found in itertools.islice(_TERM.finditer(text), _MAX_TERMS):
        phrase = found[1] if found[1] is not None else found[2]
        if phrase is not None:
            out.append((_ESCAPED.sub(r"\1", phrase), bool(found[3])))
        else:
            out.append((found[4].rstrip("*"), found[4].endswith("*")))
    return out
