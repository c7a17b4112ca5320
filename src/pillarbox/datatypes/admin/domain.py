"""Domain: a name after the @ that this server takes mail for, its own addresses or those of another domain.

RFC 5233 §4 (sub-addresses).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.admin.name import address_name, domain_name
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Immutable, Indexed, Reference, ServerSet
from pillarbox.datatypes.view import Transaction, View, first_with

_SEPARATORS = "+-_=#."
_MAX_DESCRIPTION = 1_000


class Domain(Record, frozen=True):
    """A domain: disabled, it takes no mail and nobody in it can log in; `catchAll` gets what no address matches.

    With `aliasOf`, the id of another domain, its addresses are those of the other. With `takesSubdomains`, mail for
    x@alice.example.org is for alice@example.org, as that for alice+x@example.org. With `detailMailboxes`, mail for a
    sub-address goes to the mailbox of that name, where there is one. With `mtaSts`, other servers are asked to deliver
    over TLS with a certificate of this host only ("enforce"), or to report where they could not ("testing"); "none"
    takes that back, and is kept until they have forgotten it (RFC 8461 §3.2, §8.3).
    """

    name: Immutable[Indexed[str]]
    description: str = ""
    is_enabled: bool = True
    catch_all: Reference[Indexed[str | None]] = None
    subaddress_separator: str | None = "+"
    alias_of: Reference[Indexed[str | None]] = None
    takes_subdomains: bool = False
    detail_mailboxes: bool = False
    mta_sts: Literal["testing", "enforce", "none"] | None = None
    created_at: ServerSet[str] = ""


class DomainRules(Rules[Domain]):
    """A domain has one spelling, and stays as long as there are addresses in it."""

    accounts: DataType[Any]  # set where they are declared: accounts and aliases know domains
    aliases: DataType[Any]
    lists: DataType[Any]
    keys: DataType[Any]

    def complete(self, tx: Transaction, call: MethodCall, old: Domain | None, new: Domain) -> Domain:
        if old is not None:
            return new
        name = domain_name(new.name) or new.name
        return msgspec.structs.replace(new, name=name, created_at=utc_date(tx.now_ms))

    def check(self, tx: Transaction, account: str, old: Domain | None, new: Domain | None) -> None:
        if new is None:
            assert old is not None
            self._check_unused(tx, old)
            return
        if domain_name(new.name) != new.name:
            raise invalid("name", f"{new.name!r} is no domain name, such as example.org")
        if new.subaddress_separator not in (None, *_SEPARATORS):
            raise invalid("subaddressSeparator", f"the separator is null or one of {' '.join(_SEPARATORS)}")
        if len(new.description) > _MAX_DESCRIPTION:
            raise invalid("description", f"a description has at most {_MAX_DESCRIPTION} characters")
        if new.catch_all is not None and tx.get(self.accounts, DIRECTORY, new.catch_all) is None:
            raise invalid("catchAll", "there is no such account")
        if new.alias_of is not None and (old is None or old.alias_of != new.alias_of):
            self._check_alias(tx, new, new.alias_of)

    def follow(self, tx: Transaction, account: str, old: Domain | None, new: Domain | None) -> None:
        if old is not None and new is None:
            ids = [id for _, id in tx.find(self.keys, DIRECTORY, "domainId", [old.id])]
            for key in tx.get_many(self.keys, DIRECTORY, ids).values():
                tx.write(self.keys, DIRECTORY, key, None)

    def _check_unused(self, tx: Transaction, old: Domain) -> None:
        if self._has_addresses(tx, old):
            raise Fault(Kind.HAS_CONTENT, f"{old.name} has accounts, aliases or lists; remove them first")
        if tx.find(DOMAIN, DIRECTORY, "aliasOf", [old.id]):
            raise Fault(Kind.HAS_CONTENT, f"another domain is an alias of {old.name}; remove it first")

    def _has_addresses(self, tx: Transaction, domain: Domain) -> bool:
        kinds = (self.accounts, self.aliases, self.lists)
        return any(tx.find(kind, DIRECTORY, "domainId", [domain.id]) for kind in kinds)

    def _check_alias(self, tx: Transaction, new: Domain, other_id: str) -> None:
        """What leads to another domain leads no further, and has nothing of its own: so there is one answer."""
        other = tx.get(DOMAIN, DIRECTORY, other_id)
        if other is None or other.id == new.id:
            raise invalid("aliasOf", "there is no such other domain")
        if other.alias_of is not None:
            raise invalid("aliasOf", f"{other.name} is an alias of a domain itself")
        if tx.find(DOMAIN, DIRECTORY, "aliasOf", [new.id]):
            raise invalid("aliasOf", f"another domain is an alias of {new.name}")
        if self._has_addresses(tx, new):
            raise invalid("aliasOf", f"{new.name} has accounts, aliases or lists of its own; remove them first")
        if new.catch_all is not None:
            raise invalid("catchAll", "what no address matches is the other domain's to catch")


RULES = DomainRules()
DOMAIN: DataType[Domain] = DataType(
    Domain,
    letter="d",
    capability=ADMIN,
    rules=RULES,
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda domain: domain.name,
    filters={
        "name": Filter(str, test=lambda domain, text: text.casefold() in domain.name),
        "isEnabled": Filter(bool, test=lambda domain, value: domain.is_enabled == value),
        "aliasOf": Filter(str, test=lambda domain, value: domain.alias_of == value),
    },
    sorts={"name": Sort(key=lambda domain: domain.name), "createdAt": Sort(key=lambda domain: domain.created_at)},
)


def domain_of(view: View, name: str) -> Domain | None:
    """The domain of this name, in the directory's spelling."""
    return first_with(view, DOMAIN, DIRECTORY, "name", name)


def place_address(view: View, address: str, property: str) -> tuple[str, str]:
    """(address in the directory's spelling, id of its domain). Raises invalidProperties when it cannot be one here."""
    parts = address_name(address)
    if parts is None:
        raise invalid(property, f"{address!r} is no address, such as alice@example.org")
    domain = domain_of(view, parts[1])
    if domain is None:
        raise invalid(property, f"there is no domain {parts[1]}; add it first")
    if domain.alias_of is not None:
        raise invalid(property, f"{domain.name} is an alias of another domain; an address there is one here")
    return f"{parts[0]}@{parts[1]}", domain.id


def refuse_taken(view: View, address: str, owner: str) -> None:
    """Raise alreadyExists when the address is that of another account, alias or list than the owner."""
    for kind, property, what in (
        (RULES.accounts, "name", "an account"),
        (RULES.aliases, "address", "an alias"),
        (RULES.lists, "address", "a mailing list"),
    ):
        for _, id in view.find(kind, DIRECTORY, property, [address]):
            if id != owner:
                raise Fault(Kind.ALREADY_EXISTS, f"{address} is the address of {what}", existing_id=id)
