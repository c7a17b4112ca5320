"""A TXT record as people paste it: in the syntax of a zone file.

Sections: RFC 1035 §3.3.14, §5.1; RFC 6376 §3.6.2.2.
"""

from __future__ import annotations

_LONGEST = 255


def strings(text: str) -> tuple[str, ...]:
    """The text in strings of at most 255 octets, which readers join without spaces (RFC 6376 §3.6.2.2)."""
    return tuple(text[at : at + _LONGEST] for at in range(0, len(text), _LONGEST)) or ("",)


def zone_line(name: str, text: str) -> str:
    """The record for a zone file, with an absolute name."""
    quoted = " ".join('"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in strings(text))
    return f"{name}. IN TXT ( {quoted} )" if len(text) > _LONGEST else f"{name}. IN TXT {quoted}"
