"""Names as the directory keeps them: one spelling for each domain and address, so that equal names are equal strings.

RFC 5890 §2.3.2.1 (A-labels), RFC 5321 §2.4 (case), RFC 6531 §3.3 (UTF-8).
"""

from __future__ import annotations

import unicodedata

import idna

from pillarbox.datatypes.address import split_address

_MAX_DOMAIN = 253


def domain_name(text: str) -> str | None:
    """A domain in lower case, its labels as A-labels; None when it is no name that mail can be sent to."""
    text = text.rstrip(".")
    try:
        name = idna.encode(text, uts46=True).decode("ascii") if not text.isascii() else text.lower()
    except idna.IDNAError:
        return None
    fits = 0 < len(name) <= _MAX_DOMAIN and not name.startswith("[")
    return name if fits and split_address(f"a@{name}") is not None else None


def local_part(text: str) -> str:
    """A local part as this server compares them: without regard to case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def address_name(text: str) -> tuple[str, str] | None:
    """(local part, domain) of an address in the directory's spelling; None when it is no address at a domain's name."""
    parts = split_address(unicodedata.normalize("NFC", text))
    domain = domain_name(parts[1]) if parts is not None else None
    if parts is None or domain is None or parts[0].startswith('"'):
        return None
    return local_part(parts[0]), domain


def login_name(text: str) -> str:
    """A login name in the directory's spelling, or as it was given when it is no address."""
    parts = address_name(text.strip())
    return f"{parts[0]}@{parts[1]}" if parts is not None else text.strip()[:256]
