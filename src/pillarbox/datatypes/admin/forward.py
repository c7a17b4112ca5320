"""Addresses that mail is sent on to: here or elsewhere, with the case of their local parts (RFC 5321 §2.4)."""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.core.faults import invalid
from pillarbox.datatypes.address import same_address_key, split_address
from pillarbox.datatypes.admin.name import domain_name

MAX_FORWARDS = 20  # of one account


def forward_addresses(given: Iterable[str], property: str, most: int) -> list[str]:
    """The addresses, each once, their domains in one spelling. Raises invalidProperties."""
    found: dict[str, str] = {}
    for text in given:
        parts = split_address(text.strip())
        domain = domain_name(parts[1]) if parts is not None else None
        if parts is None or domain is None:
            raise invalid(property, f"{text[:200]!r} is no address, such as alice@example.org")
        address = f"{parts[0]}@{domain}"
        found.setdefault(same_address_key(address), address)
    if len(found) > most:
        raise invalid(property, f"mail is sent on to at most {most} addresses")
    return list(found.values())
