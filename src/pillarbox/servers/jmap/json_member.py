"""Whether an object in a JSON document has two members of one name, which I-JSON forbids (RFC 7493 §2.3).

Told by counting: a decoder keeps one of the two, so there are more colons in the document than members in its values.
"""

from __future__ import annotations

from typing import Any

_OTHERS = bytes(octet for octet in range(256) if octet not in b':"')


def written(document: bytes) -> int:
    """How many members the objects of a valid JSON document have, as they are written: its colons outside strings."""
    if b"\\" in document:
        document = document.replace(b"\\\\", b"").replace(b'\\"', b"")
    rest = document.translate(None, _OTHERS)
    return sum(map(len, rest.split(b'"')[::2]))


def kept(value: Any) -> int:
    """How many members the maps in a decoded value have."""
    count, todo = 0, [value]
    while todo:
        value = todo.pop()
        if type(value) is dict:
            count += len(value)
            todo.extend(value.values())
        elif type(value) is list or type(value) is tuple:
            todo.extend(value)
    return count
