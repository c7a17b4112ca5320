"""Domain names as the DNS is asked for them, from whatever a sender wrote.

Sections: RFC 1035 §2.3.4, RFC 5890 §2.3.2.1, RFC 8616 §3.
"""

from __future__ import annotations

import re

import idna

MAX_LENGTH = 253
MAX_LABEL = 63
# What may come out of macros: no control, and no backslash, which begins an escape where names are text.
_ASKABLE = re.compile(r"[ -\[\]-~]+\Z")


def to_ascii(domain: str) -> str | None:
    """The name in lower case and A-labels, without the final dot; None if it is none (empty or long labels)."""
    name = domain.removesuffix(".")
    if name.isascii():
        name = name.lower()
    else:
        try:
            name = idna.encode(name, uts46=True).decode().removesuffix(".").lower()
        except (idna.IDNAError, UnicodeError):
            return None
    return name if is_name(name) else None


def is_name(name: str) -> bool:
    """Whether the DNS can be asked for a name: printable ASCII, labels of 1 to 63 octets, 253 in all."""
    return (
        len(name) <= MAX_LENGTH
        and _ASKABLE.match(name) is not None
        and name != "@"
        and all(0 < len(label) <= MAX_LABEL for label in name.split("."))
    )


def is_mail_domain(name: str) -> bool:
    """Whether mail may be from there: several labels of letters, digits, hyphens and underscores, not all digits."""
    labels = name.split(".")
    return (
        is_name(name)
        and len(labels) > 1
        and not labels[-1].isdigit()
        and all(label.replace("-", "").replace("_", "").isalnum() and label.isascii() for label in labels)
    )


def is_at_or_below(name: str, parent: str) -> bool:
    """Whether a name is another's or below it; both as `to_ascii` gives them."""
    return name == parent or name.endswith(f".{parent}")
