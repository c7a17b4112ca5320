"""Comments and folding white space in structured header fields, removed in linear time whatever their nesting.

RFC 5322 §3.2.2 (CFWS), §2.2.3 (folding).
"""

import re

_COMMENT_TOKEN = re.compile(r"\\.?|[()]", re.DOTALL)
# A quoted string that never closes runs to the end: tried again at each of its octets it would cost quadratic time.
_QUOTED_OR_OPEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|<[^<>]*+>|\(', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.?)", re.DOTALL)
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]")


def unfold(text: str) -> str:
    """Take out the line ends of folded lines (RFC 5322 §2.2.3) and any stray line end that is left."""
    if "\n" in text or "\r" in text:
        return _FOLD.sub("", text)
    return text


def comment_end(text: str, start: int) -> int:
    r"""The offset after the comment that opens at `start`; the text's length where it never closes.

    A backslash quotes the next character, even the last one of the field (`(a comment\` must not run over).
    """
    depth = 0
    for token in _COMMENT_TOKEN.finditer(text, start):
        sign = token[0]
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return token.end()
    return len(text)


def comment_text(text: str, start: int, end: int) -> str:
    """The words of a comment without its outer parentheses, quoted pairs decoded."""
    inner = text[start + 1 : end - 1] if text[end - 1] == ")" and end - 1 > start else text[start + 1 : end]
    return unquote_pairs(inner).strip(" \t")


def unquote_pairs(text: str) -> str:
    r"""Decode quoted pairs: `\"` is `"` (RFC 5322 §3.2.1)."""
    return _QUOTED_PAIR.sub(r"\1", text) if "\\" in text else text


def remove_comments(text: str) -> str:
    """The text without comments; quoted strings and what stands in angle brackets are left alone."""
    if "(" not in text:
        return text
    kept: list[str] = []
    position = 0
    while match := _QUOTED_OR_OPEN.search(text, position):
        if match[0] != "(":
            kept.append(text[position : match.end()])
            position = match.end()
            continue
        kept.append(text[position : match.start()])
        kept.append(" ")
        position = comment_end(text, match.start())
    kept.append(text[position:])
    return "".join(kept)
