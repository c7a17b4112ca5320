"""Words as SQLite's FTS5 has them, so that a search finds the same on both engines: its own tokenizer, called directly.

A tokenizer belongs to a connection and a connection to one thread at a time: each thread has one in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import apsw

_MAX_OCTETS = 200  # of a token; what agrees so far is taken for the same word
_local = threading.local()


def tokens(text: str) -> list[str]:
    """The words of a text: folded in case and diacritics, in order."""
    if not text:
        return []
    found: list[str] = _tokenizer()(
        text.encode("utf-8", "replace"),
        apsw.FTS5_TOKENIZE_DOCUMENT,
        None,
        include_offsets=False,
        include_colocated=False,
    )
    return [_shortened(word) if len(word) > _MAX_OCTETS // 4 else word for word in found]


def _shortened(word: str) -> str:
    return word.encode()[:_MAX_OCTETS].decode("utf-8", "ignore")


def _tokenizer() -> Callable[..., Any]:
    found: Callable[..., Any] | None = getattr(_local, "tokenizer", None)
    if found is None:
        _local.connection = apsw.Connection(":memory:")
        found = _local.tokenizer = _local.connection.fts5_tokenizer("unicode61", ["remove_diacritics", "2"])
    return found
