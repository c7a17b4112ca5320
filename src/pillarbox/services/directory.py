"""The directory: whom an address belongs to, who may send as it, and which accounts somebody who logged in may open.

RFC 5233 §4 (sub-addresses).
"""

from __future__ import annotations

from enum import Enum

import msgspec

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.datatypes.admin.account import ACCOUNT, Account, account_named
from pillarbox.datatypes.admin.alias import alias_named
from pillarbox.datatypes.admin.domain import DOMAIN, Domain, domain_of
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.view import View


class Refusal(Enum):
    """Why an address takes no mail."""

    NOT_OURS = "the domain is not one of this server"
    UNKNOWN = "there is no such address"
    DISABLED = "the address is disabled"


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail for an address goes: to accounts, or nowhere for a reason."""

    accounts: tuple[str, ...] = ()
    detail: str | None = None  # what stood after the separator of a sub-address, as the sender wrote it
    refusal: Refusal | None = None


def find_recipient(view: View, address: str) -> Recipient:
    """Who gets mail for an address: an account, an alias's targets, a sub-address's account, or who catches all.

    An address that takes no mail has a `refusal` and no accounts.
    """
    parts = address_name(address)
    domain = domain_of(view, parts[1]) if parts is not None else None
    if parts is None or domain is None:
        return Recipient(refusal=Refusal.NOT_OURS)
    if not domain.is_enabled:
        return Recipient(refusal=Refusal.DISABLED)
    if (exact := _holder(view, f"{parts[0]}@{parts[1]}")) is not None:
        return exact
    return _subaddressed(view, domain, parts[0], address) or _caught(view, domain)


def _holder(view: View, address: str) -> Recipient | None:
    """The account or alias with exactly this address."""
    account = account_named(view, address)
    if account is not None:
        return Recipient(accounts=(account.id,)) if account.is_enabled else Recipient(refusal=Refusal.DISABLED)
    alias = alias_named(view, address)
    if alias is None:
        return None
    found = view.get_many(ACCOUNT, DIRECTORY, alias.targets) if alias.is_enabled else {}
    enabled = tuple(id for id in alias.targets if id in found and found[id].is_enabled)
    return Recipient(accounts=enabled) if enabled else Recipient(refusal=Refusal.DISABLED)


def _subaddressed(view: View, domain: Domain, local: str, address: str) -> Recipient | None:
    separator = domain.subaddress_separator
    base, found, detail = local.partition(separator) if separator else (local, "", "")
    holder = _holder(view, f"{base}@{domain.name}") if base and found else None
    if holder is None or separator is None:
        return None
    written = address.rpartition("@")[0].partition(separator)[2]
    return msgspec.structs.replace(holder, detail=written or detail)


def _caught(view: View, domain: Domain) -> Recipient:
    account = view.get(ACCOUNT, DIRECTORY, domain.catch_all) if domain.catch_all is not None else None
    if account is None:
        return Recipient(refusal=Refusal.UNKNOWN)
    return Recipient(accounts=(account.id,)) if account.is_enabled else Recipient(refusal=Refusal.DISABLED)


def may_send_as(view: View, account: str, address: str) -> bool:
    """Whether mail for the address reaches the account, so that it may send as it; `*@domain` asks for a whole domain.

    So an account may send as itself, as the aliases that lead to it, as sub-addresses of these, and as every address
    of a domain whose catch-all it is.
    """
    local, _, domain_text = address.rpartition("@")
    if local == "*":
        parts = address_name(f"any@{domain_text}")
        domain = domain_of(view, parts[1]) if parts is not None else None
        return domain is not None and domain.is_enabled and domain.catch_all == account
    return account in find_recipient(view, address).accounts


def may_log_in(view: View, account: Account) -> bool:
    """Whether somebody may log in as the account: it is a person's and enabled, and so is its domain."""
    domain = view.get(DOMAIN, DIRECTORY, account.domain_id)
    return account.is_enabled and account.kind == "individual" and domain is not None and domain.is_enabled


def caller_for(view: View, account: Account, scope: frozenset[str] = frozenset()) -> Caller:
    """The account's owner as a caller, with every account that they may open.

    `scope` holds the capabilities that an app password allows; empty is everything.
    """
    accounts = {account.id: Access(account.id, account.name)}
    shared = view.get_many(
        ACCOUNT, DIRECTORY, [id for _, id in view.find(ACCOUNT, DIRECTORY, "delegates", [account.id])]
    )
    for other in sorted(shared.values(), key=lambda a: a.name):
        if other.is_enabled:
            read_only = other.delegates[account.id] == "read"
            accounts[other.id] = Access(other.id, other.name, is_personal=False, is_read_only=read_only)
    if account.is_admin and (not scope or ADMIN in scope):
        accounts[DIRECTORY] = Access(DIRECTORY, "Directory", is_personal=False)
    return Caller(
        account=account.id, username=account.name, is_admin=DIRECTORY in accounts, scope=scope, accounts=accounts
    )


def internal_administrator() -> Caller:
    """The caller that the command line is: it sees the directory, and is nobody in it."""
    accounts = {DIRECTORY: Access(DIRECTORY, "Directory", is_personal=False)}
    return Caller(account=DIRECTORY, username="command line", is_admin=True, accounts=accounts)
