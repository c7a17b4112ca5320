"""Domain: a name after the @ that this server takes mail for."""

from __future__ import annotations

from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.admin.name import address_name, domain_name
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Immutable, Indexed, Reference, ServerSet
from pillarbox.datatypes.view import Transaction, View

_SEPARATORS = "+-_=#."
_MAX_DESCRIPTION = 1_000


class Domain(Record, frozen=True):
    """A domain: disabled, it takes no mail and nobody in it can log in; `catchAll` gets what no address matches."""

    name: Immutable[Indexed[str]]
    description: str = ""
    is_enabled: bool = True
    catch_all: Reference[Indexed[str | None]] = None
    subaddress_separator: str | None = "+"
    created_at: ServerSet[str] = ""


class DomainRules(Rules[Domain]):
    """A domain has one spelling, and stays as long as there are addresses in it."""

    accounts: DataType[Any]  # set where they are declared: accounts and aliases know domains
    aliases: DataType[Any]
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

    def follow(self, tx: Transaction, account: str, old: Domain | None, new: Domain | None) -> None:
        if old is not None and new is None:
            ids = [id for _, id in tx.find(self.keys, DIRECTORY, "domainId", [old.id])]
            for key in tx.get_many(self.keys, DIRECTORY, ids).values():
                tx.write(self.keys, DIRECTORY, key, None)

    def _check_unused(self, tx: Transaction, old: Domain) -> None:
        for kind in (self.accounts, self.aliases):
            if tx.find(kind, DIRECTORY, "domainId", [old.id]):
                raise Fault(Kind.HAS_CONTENT, f"{old.name} has accounts or aliases; remove them first")


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
    },
    sorts={"name": Sort(key=lambda domain: domain.name), "createdAt": Sort(key=lambda domain: domain.created_at)},
)


def domain_of(view: View, name: str) -> Domain | None:
    """The domain of this name, in the directory's spelling."""
    found = view.find(DOMAIN, DIRECTORY, "name", [name])
    return view.get(DOMAIN, DIRECTORY, found[0][1]) if found else None


def place_address(view: View, address: str, property: str) -> tuple[str, str]:
    """(address in the directory's spelling, id of its domain). Raises invalidProperties when it cannot be one here."""
    parts = address_name(address)
    if parts is None:
        raise invalid(property, f"{address!r} is no address, such as alice@example.org")
    domain = domain_of(view, parts[1])
    if domain is None:
        raise invalid(property, f"there is no domain {parts[1]}; add it first")
    return f"{parts[0]}@{parts[1]}", domain.id


def refuse_taken(view: View, address: str, owner: str) -> None:
    """Raise alreadyExists when the address is that of another account or alias than the owner."""
    for kind, property in ((RULES.accounts, "name"), (RULES.aliases, "address")):
        for _, id in view.find(kind, DIRECTORY, property, [address]):
            if id != owner:
                raise Fault(Kind.ALREADY_EXISTS, f"{address} is the address of an {kind.name.lower()}", existing_id=id)
