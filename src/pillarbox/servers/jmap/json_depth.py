"""How deeply a JSON document is nested, told from its octets at the speed of `bytes.replace`."""

from __future__ import annotations

_BRACKETS = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(octet for octet in range(256) if octet not in b'[]{}"')


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


def _brackets(document: bytes) -> bytes:
    """The document's brackets in order, those within strings left out."""
    if b"\\" in document:
        document = document.replace(b"\\\\", b"").replace(b'\\"', b"")
    rest = document.translate(_BRACKETS, _OTHERS).replace(b'""', b"")
    return b"".join(rest.split(b'"')[::2]) if b'"' in rest else rest
