"""The directory: whom an address belongs to, who may send as it, and which accounts somebody who logged in may open."""

from __future__ import annotations

from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.alias import Alias, alias_named
from pillarbox.datatypes.admin.domain import DOMAIN, domain_of
from pillarbox.datatypes.admin.mailing_list import MailingList
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.view import View
from pillarbox.services.holder import Role, find_holder
from pillarbox.services.recipient import Forward, Posting, Recipient, Refusal, find_recipient

__all__ = [
    "Forward",
    "Posting",
    "Recipient",
    "Refusal",
    "caller_for",
    "find_recipient",
    "internal_administrator",
    "may_log_in",
    "may_send_as",
]


def may_send_as(view: View, account: str, address: str) -> bool:
    """Whether the address is the account's, so that it may send as it; `*@domain` asks for a whole domain.

    An account may send as itself, as the aliases and patterns of which it is a target, as sub-addresses of these, as
    every address of a domain whose catch-all it is, and as the lists that it owns. Not as an address whose mail only
    reaches it because somebody forwards it: mail that is sent on does not make the receiver its author.
    """
    local, _, domain_text = address.rpartition("@")
    if local == "*":
        return _holds_domain(view, account, domain_text)
    holder = find_holder(view, address)
    if holder is None or holder.role is not Role.ITSELF:
        return False
    match holder.named:
        case Account() as named:
            return named.is_enabled and named.id == account
        case Alias() as named:
            return named.takes_mail(view.now_ms) and account in named.targets and _is_enabled(view, account)
        case MailingList() as named:
            return named.is_enabled and account in named.owners and _is_enabled(view, account)
        case None:
            return False


def _holds_domain(view: View, account: str, domain_text: str) -> bool:
    parts = address_name(f"any@{domain_text}")
    domain = domain_of(view, parts[1]) if parts is not None else None
    if domain is None or not domain.is_enabled:
        return False
    alias = alias_named(view, f"*@{domain.name}")
    if alias is not None and alias.pattern_in is not None and alias.takes_mail(view.now_ms):
        return account in alias.targets
    return domain.catch_all == account


def _is_enabled(view: View, account: str) -> bool:
    found = view.get(ACCOUNT, DIRECTORY, account)
    return found is not None and found.is_enabled


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
