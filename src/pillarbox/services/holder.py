"""Whose an address is: the account, alias or list that it names, by itself, as a sub-address, by a pattern or at last.

RFC 5233 §4 (sub-addresses), RFC 5321 §2.4 (case).
"""

from __future__ import annotations

from enum import Enum

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.account import ACCOUNT, Account, account_named
from pillarbox.datatypes.admin.alias import Alias, alias_named, pattern_for
from pillarbox.datatypes.admin.domain import DOMAIN, Domain, domain_of
from pillarbox.datatypes.admin.mailing_list import BOUNCES, OWNER, MailingList, list_named
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.view import View


class Role(Enum):
    """What an address is to the list that it is of; to anything else it is itself."""

    ITSELF = ""
    OWNERS = OWNER
    BOUNCES = BOUNCES


class Holder(msgspec.Struct, frozen=True):
    """Whose an address is; without `named`, nobody's in a domain of ours."""

    named: Account | Alias | MailingList | None
    source: str  # the address that is its own, in the directory's spelling, without what was only detail
    role: Role = Role.ITSELF
    detail: str | None = None  # of a sub-address, as it was written
    takes_detail_as_mailbox: bool = False
    is_disabled: bool = False  # the whole domain is
    is_catch_all: bool = False


def find_holder(view: View, address: str) -> Holder | None:
    """Whose an address is; None when its domain is not one of this server, or it is no address."""
    parts = address_name(address)
    if parts is None:
        return None
    local, name = parts
    domain = domain_of(view, name)
    detail: str | None = None
    if domain is None:
        # alice.example.org may be alice's: all that is sent there is for her.
        label, _, parent = name.partition(".")
        domain = domain_of(view, parent) if parent else None
        if domain is None or not domain.takes_subdomains:
            return None
        local, detail = label, address.rpartition("@")[0]
    if domain.alias_of is not None and domain.is_enabled:
        domain = view.get(DOMAIN, DIRECTORY, domain.alias_of) or domain
    if not domain.is_enabled:
        return Holder(None, address, is_disabled=True)
    if (named := _named(view, local, domain.name)) is not None:
        return Holder(named, f"{local}@{domain.name}", Role.ITSELF, detail, domain.detail_mailboxes)
    if detail is not None:
        return Holder(None, address)
    return (
        _of_list(view, local, domain)
        or _subaddressed(view, domain, local, address)
        or _matched(view, domain, local)
        or _caught(view, domain, local)
    )


def _named(view: View, local: str, domain: str) -> Account | Alias | MailingList | None:
    """The account, alias or list with exactly this address."""
    address = f"{local}@{domain}"
    return account_named(view, address) or alias_named(view, address) or list_named(view, address)


def _of_list(view: View, local: str, domain: Domain) -> Holder | None:
    for role in (Role.OWNERS, Role.BOUNCES):
        base = local.removesuffix(role.value)
        if base and base != local and (one := list_named(view, f"{base}@{domain.name}")) is not None:
            return Holder(one, f"{local}@{domain.name}", role)
    return None


def _subaddressed(view: View, domain: Domain, local: str, address: str) -> Holder | None:
    separator = domain.subaddress_separator
    if separator is None:
        return None
    base, found, detail = local.partition(separator)
    named = _named(view, base, domain.name) if base and found else None
    if named is None:
        return None
    written = address.rpartition("@")[0].partition(separator)[2]
    return Holder(named, f"{base}@{domain.name}", Role.ITSELF, written or detail, domain.detail_mailboxes)


def _matched(view: View, domain: Domain, local: str) -> Holder | None:
    alias = pattern_for(view, domain.id, local)
    return Holder(alias, f"{local}@{domain.name}") if alias is not None else None


def _caught(view: View, domain: Domain, local: str) -> Holder:
    account = view.get(ACCOUNT, DIRECTORY, domain.catch_all) if domain.catch_all is not None else None
    return Holder(account, f"{local}@{domain.name}", is_catch_all=True)
