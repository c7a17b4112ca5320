"""The author's domain: who a message says it is from, where that can be said of one domain at all.

Sections: RFC 9989 §3.2.2, §5.3.1, §11.5; RFC 5322 §3.6.2; RFC 6854.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.formats.mailauth.domain import is_mail_domain, to_ascii
from pillarbox.formats.message.header import as_addresses, find
from pillarbox.formats.message.structure import Field

# How many domains of one From field are looked at; more are a way to have much work done (§11.5).
MAX_DOMAINS = 5
_SHARED = "several domains in From"


class Author(msgspec.Struct, frozen=True):
    """The domains of the From field as A-labels, without repetition; `problem` says why they are not exactly one.

    `domains` are those that a reader may be shown, so that the strictest of their policies can be applied.
    """

    domains: tuple[str, ...]
    problem: str | None = None

    @property
    def domain(self) -> str | None:
        """The Author Domain; None if there is not exactly one."""
        return self.domains[0] if len(self.domains) == 1 and self.problem is None else None

    @property
    def is_shared(self) -> bool:
        """Whether nothing is wrong but that one From field names authors of several domains (RFC 5322 §3.6.2)."""
        return self.problem == _SHARED


def find_author(data: bytes, fields: Sequence[Field]) -> Author:
    """The author of a message: of all its From fields, groups and all."""
    values = find(data, fields, "From", all=True)
    if not values:
        return Author((), "no From field")
    domains: list[str] = []
    problem = None if len(values) == 1 else "several From fields"
    for value in values[:MAX_DOMAINS]:
        addresses = as_addresses(value)
        if not addresses:
            problem = problem or "a From field without an address"
        for address in addresses:
            domain = _domain(address.email)
            if domain is None:
                problem = problem or "an address without a domain in From"
            elif domain not in domains:
                domains.append(domain)
    if len(domains) > 1:
        problem = problem or _SHARED
    return Author(tuple(domains[:MAX_DOMAINS]), problem)


def _domain(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    name = to_ascii(domain.strip(" \t")) if at and local else None
    return name if name is not None and is_mail_domain(name) else None
