"""Marks the words of a search in a text, by the same folding as the text index uses (RFC 8621 §5)."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from pillarbox.storage.text_index import split_terms

_WORD = re.compile(r"\w+")
_CJK = "\u2e80-\u2fdf\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_MAX_TERMS = 50
_CONTEXT = 60  # characters before the first hit
_OPEN, _CLOSE = "<mark>", "</mark>"


def fold(text: str) -> str:
    """The text without case and diacritics, of the same length, so that offsets stay true."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_one(c) for c in text)


def _fold_one(character: str) -> str:
    plain = unicodedata.normalize("NFD", character)[0].lower()
    return plain if len(plain) == 1 else character


class Highlighter:
    """Finds the words and phrases of search texts. False when there are none."""

    def __init__(self, texts: Sequence[str]) -> None:
        patterns = []
        for text in texts:
            for term, is_prefix in split_terms(text):
                if pattern := _pattern(term, is_prefix=is_prefix):
                    patterns.append(pattern)
        self._pattern = (
            re.compile("|".join(sorted(set(patterns[:_MAX_TERMS]), key=len, reverse=True))) if patterns else None
        )

    def __bool__(self) -> bool:
        return self._pattern is not None

    def _hits(self, text: str) -> list[tuple[int, int]]:
        return [m.span() for m in self._pattern.finditer(fold(text))] if self._pattern is not None else []

    def mark(self, text: str) -> str | None:
        """The text as HTML with every hit marked, or None when there is no hit."""
        hits = self._hits(text)
        return _marked(text, hits, 0, len(text)) if hits else None

    def excerpt(self, text: str, octets: int) -> str | None:
        """The part of the text around the first hit, marked, in at most so many octets; None without a hit."""
        text = " ".join(text.split())
        hits = self._hits(text)
        if not hits:
            return None
        start = max(0, hits[0][0] - _CONTEXT)
        # The hit matters, what stands before it only as far as there is room.
        while start < hits[0][0] and len(_marked(text, hits[:1], start, hits[0][1]).encode()) > octets // 2:
            start += max(1, (hits[0][0] - start) // 2)
        if start:
            space = text.find(" ", start, hits[0][0])
            start = space + 1 if space >= 0 else start
        end = min(len(text), start + octets)
        while True:
            out = _marked(text, hits, start, end)
            size = len(out.encode())
            if size <= octets:
                return out
            # Entities, marks and wide characters all count: cut by what is too much, at least one character.
            end = max(start, end - max(1, (size - octets) // 4))


def _marked(text: str, hits: Sequence[tuple[int, int]], start: int, end: int) -> str:
    out, at = [], start
    for first, last in hits:
        if first < at or first >= end:
            continue
        out += [html.escape(text[at:first], quote=False), _OPEN]
        at = min(last, end)
        out += [html.escape(text[first:at], quote=False), _CLOSE]
    out.append(html.escape(text[at:end], quote=False))
    return "".join(out)


def _pattern(term: str, *, is_prefix: bool) -> str | None:
    words = _WORD.findall(fold(term))
    if not words:
        return None
    joined = r"[\W_]+".join(map(re.escape, words))
    first, last = words[0][0], words[-1][-1]
    before = "" if re.match(f"[{_CJK}]", first) else r"(?<!\w)"
    after = "" if is_prefix or re.match(f"[{_CJK}]", last) else r"(?!\w)"
    return before + joined + after
