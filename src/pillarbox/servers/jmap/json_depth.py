"""How deeply JSON is nested and how many values it has, told from its octets at the speed of `bytes.replace`."""

from __future__ import annotations

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(octet for octet in range(256) if octet not in b'[]{}"')
_OTHERS_BUT_COMMAS = bytes(octet for octet in range(256) if octet not in b'[]{},"')


def exceeds(document: bytes, limit: int) -> bool:
    """Whether a valid JSON document is nested more than `limit` deep. Linear in its size times the limit."""
    if document.count(b"[") + document.count(b"{") <= limit:
        return False
    brackets = _brackets(document)
    for _ in range(limit):
        if not brackets:
            return False
        # Each round takes the innermost pairs away.
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def exceeds_values(document: bytes, limit: int) -> bool:
    """Whether a JSON document has more than `limit` values, before they are made. A list or map may count as two."""
    if _beginnings(document) <= limit:
        return False
    return _beginnings(_brackets(document, _OTHERS_BUT_COMMAS)) > limit


def _beginnings(document: bytes) -> int:
    # All values but the first of a list or map follow a comma.
    return document.count(b",") + document.count(b"[") + document.count(b"{")


def _brackets(document: bytes, others: bytes = _OTHERS) -> bytes:
    """The document's brackets in order, those within strings left out."""
    if b"\\" in document:
        document = document.replace(b"\\\\", b"").replace(b'\\"', b"")
    rest = document.translate(_BRACKETS, others).replace(b'""', b"")
    return b"".join(rest.split(b'"')[::2]) if b'"' in rest else rest
