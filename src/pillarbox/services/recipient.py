"""Who gets mail for an address: accounts here, addresses elsewhere, members of lists, or nobody for a reason.

RFC 5321 §3.9 (aliases and lists), RFC 5233 §4 (sub-addresses).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.alias import Alias
from pillarbox.datatypes.admin.mailing_list import MailingList
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.view import View
from pillarbox.formats.srs import is_rewritten
from pillarbox.services.holder import Holder, Role, find_holder
from pillarbox.services.srs import bounce_address

# How many steps an address may be from where its mail ends, and how many places mail for one address goes to.
_DEEPEST, _MOST = 10, 20_000


class Refusal(Enum):
    """Why an address takes no mail."""

    NOT_OURS = "the domain is not one of this server"
    UNKNOWN = "there is no such address"
    DISABLED = "the address is disabled"
    LOOP = "the address leads back to itself, or to too many places"


class Forward(msgspec.Struct, frozen=True):
    """An address elsewhere that a copy is sent on to."""

    address: str  # its local part in the case that it was given
    source: str  # the address here that sends it on, in the directory's spelling
    account: str  # that answers for it; the directory's for what administrators set up


class Posting(msgspec.Struct, frozen=True):
    """A mailing list that mail goes to, and whom it leads to; lists that are members of others stand inside."""

    list: MailingList
    accounts: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    postings: tuple[Posting, ...] = ()


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail for an address goes: to accounts, elsewhere and to lists, or nowhere for a reason."""

    accounts: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    postings: tuple[Posting, ...] = ()
    detail: str | None = None  # what stood after the separator of a sub-address, as the sender wrote it
    takes_detail_as_mailbox: bool = False
    takes_bounces_only: bool = False  # nothing but mail with the null reverse-path
    refusal: Refusal | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it leads elsewhere too, so that what is full here is no reason to refuse it."""
        return bool(self.forwards or self.postings)


def find_recipient(view: View, address: str) -> Recipient:
    """Who gets mail for an address, whatever aliases, forwards and lists lie between; each place is named once.

    An address that takes no mail has a `refusal` and no places.
    """
    holder = find_holder(view, address)
    if holder is None:
        return Recipient(refusal=Refusal.NOT_OURS)
    if is_rewritten(address):
        return _bounce(view, address)
    named = holder.named
    if isinstance(named, Account) and not named.forward_to:  # nearly all mail
        found = Recipient(accounts=(named.id,)) if named.is_enabled else Recipient(refusal=Refusal.DISABLED)
    elif named is None:
        found = Recipient(refusal=Refusal.DISABLED if holder.is_disabled else Refusal.UNKNOWN)
    else:
        found = _expand(view, holder)
    if holder.detail is None or found.refusal is not None:
        return found
    return msgspec.structs.replace(found, detail=holder.detail, takes_detail_as_mailbox=holder.takes_detail_as_mailbox)


def _bounce(view: View, address: str) -> Recipient:
    """Where a bounce to a reverse-path goes that was rewritten here."""
    to = bounce_address(view, address)
    if to is None:
        return Recipient(refusal=Refusal.UNKNOWN)
    if find_holder(view, to) is None:
        return Recipient(forwards=(Forward(to, address, DIRECTORY),), takes_bounces_only=True)
    found = find_recipient(view, to) if not is_rewritten(to) else Recipient(refusal=Refusal.LOOP)
    return msgspec.structs.replace(found, takes_bounces_only=True)


def _expand(view: View, holder: Holder) -> Recipient:
    expansion = _Expansion(view)
    places = _Places()
    expansion.follow(holder, places, 0)
    if places.is_empty:
        return Recipient(refusal=Refusal.LOOP if expansion.has_loop else Refusal.DISABLED)
    return Recipient(accounts=tuple(places.accounts), forwards=tuple(places.forwards), postings=tuple(places.postings))


class _Places:
    """What is reached in one message: an address's own, or a list's."""

    __slots__ = ("accounts", "forwards", "postings")

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.forwards: list[Forward] = []
        self.postings: list[Posting] = []

    @property
    def is_empty(self) -> bool:
        return not (self.accounts or self.forwards or self.postings)


class _Expansion:
    """Follows one address to everywhere that it leads.

    What was met before is not followed again. Each `follow` tells whether mail gets anywhere that way: an account that
    keeps no copy keeps one nevertheless when all that it forwards to leads back to it or nowhere. So mail that was
    accepted is never lost by a circle that people set up.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._met: dict[str, bool] = {}  # what was met, and whether it leads anywhere as far as is known
        self._count = 0
        self.has_loop = False

    def follow(self, holder: Holder, places: _Places, depth: int) -> bool:
        named = holder.named
        if named is None:
            return False
        key = f"{named.id}{holder.role.value}"
        if key in self._met:
            self.has_loop |= not self._met[key]
            return self._met[key]
        self._met[key] = False
        if depth >= _DEEPEST or self._count >= _MOST:
            self.has_loop = True
            return False
        self._count += 1
        if isinstance(named, Account):
            leads = self._account(named, places, depth)
        elif isinstance(named, Alias):
            leads = self._alias(named, holder.source, places, depth)
        elif holder.role is Role.ITSELF:
            leads = self._list(named, places, depth)
        else:
            leads = self._accounts(named.owners, places, depth)
        self._met[key] = leads
        return leads

    def _account(self, account: Account, places: _Places, depth: int) -> bool:
        if not account.is_enabled:
            return False
        leads = self._addresses(account.forward_to, account.name, account.id, places, depth)
        if account.keeps_copy or not leads:
            places.accounts.append(account.id)
        return True

    def _alias(self, alias: Alias, source: str, places: _Places, depth: int) -> bool:
        if not alias.takes_mail(self._view.now_ms):
            return False
        leads = self._accounts(alias.targets, places, depth)
        return self._addresses(alias.forward_to, source, DIRECTORY, places, depth) or leads

    def _list(self, one: MailingList, places: _Places, depth: int) -> bool:
        if not one.is_enabled:
            return False
        inside = _Places()
        self._accounts(one.members, inside, depth)
        self._addresses(one.member_addresses, one.address, DIRECTORY, inside, depth)
        if inside.is_empty:
            return False
        places.postings.append(Posting(one, tuple(inside.accounts), tuple(inside.forwards), tuple(inside.postings)))
        return True

    def _accounts(self, ids: Sequence[str], places: _Places, depth: int) -> bool:
        found = self._view.get_many(ACCOUNT, DIRECTORY, ids)
        leads = [self.follow(Holder(found[id], found[id].name), places, depth + 1) for id in ids if id in found]
        return any(leads)

    def _addresses(self, addresses: Sequence[str], source: str, account: str, places: _Places, depth: int) -> bool:
        leads = [self._address(address, source, account, places, depth + 1) for address in addresses]
        return any(leads)

    def _address(self, address: str, source: str, account: str, places: _Places, depth: int) -> bool:
        holder = find_holder(self._view, address) if address_name(address) is not None else None
        if holder is not None:
            return self.follow(holder, places, depth)
        key = f"{same_address_key(address)}@"  # no id ends so
        if key in self._met:
            return True
        if self._count >= _MOST:
            self.has_loop = True
            return False
        self._met[key] = True
        self._count += 1
        places.forwards.append(Forward(address, source, account))
        return True
