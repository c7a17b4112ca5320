"""Content-Disposition of a download: the file's name in every alphabet, and nothing that escapes the header.

RFC 6266, RFC 8187.
"""

from __future__ import annotations

from urllib.parse import quote

_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187 §3.2.1, beside letters and digits
_MAX_NAME = 255


def attachment(name: str) -> bytes:
    """The header's value for a file of this name; without a name, only that it is to be saved and not shown."""
    name = "".join("_" if ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 else c for c in name)[:_MAX_NAME]
    if not name:
        return b"attachment"
    # RFC 6266 §4.3, RFC 6266 §D: a quoted ASCII form for old readers, free of % and \, and the whole name beside it.
    plain = "".join(c if 32 <= ord(c) < 127 and c not in '"\\%' else "_" for c in name)
    value = f'attachment; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    return value.encode("ascii")
