"""Addresses in records: an EmailAddress, and what counts as an address that mail can be sent to or from.

RFC 8621 §4.1.2.3 (EmailAddress), RFC 5321 §4.1.2 (Mailbox), §4.5.3.1 (sizes), RFC 6531 §3.3 (UTF-8).
"""

from __future__ import annotations

import re

import msgspec

_MAX_LOCAL, _MAX_DOMAIN = 64, 255  # octets, RFC 5321 §4.5.3.1.1 and §4.5.3.1.2
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_LOCAL = re.compile(rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~])*")\Z')
_LABEL = r"[A-Za-z0-9\x80-\U0010ffff](?:[A-Za-z0-9\-\x80-\U0010ffff]{0,61}[A-Za-z0-9\x80-\U0010ffff])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[(?:[0-9.]{{7,15}}|IPv6:[0-9A-Fa-f:.]{{2,45}})\])\Z")


class EmailAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A display name, or null, and an address (RFC 8621 §4.1.2.3)."""

    name: str | None = None
    email: str


def split_address(address: str) -> tuple[str, str] | None:
    """(local part, domain) of a Mailbox as MAIL FROM and RCPT TO take it; None when it is none (RFC 5321 §4.1.2)."""
    local, at, domain = address.rpartition("@")
    if (
        not at
        or len(local.encode("utf-8", "replace")) > _MAX_LOCAL
        or len(domain.encode("utf-8", "replace")) > _MAX_DOMAIN
    ):
        return None
    if not address.isprintable() or not _LOCAL.match(local) or not _DOMAIN.match(domain):
        return None
    return local, domain


def is_address(address: str) -> bool:
    """Whether mail can be sent to this text."""
    return split_address(address) is not None


def same_address_key(address: str) -> str:
    """What two spellings of one address have in common.

    RFC 5321 §2.4 leaves the case of a local part to its host; no host that people write to tells addresses apart by it,
    and a person named twice wants one copy.
    """
    return address.casefold()
