"""Addresses that are not written to: those that their own servers have refused for good, for a while.

Whoever goes on writing to addresses that are not there is soon taken for a sender of spam. A look-up is one search in
an index for each message; written is only when a message came back. Sections: RFC 3463 §3.2, §3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.suppressed_address import SUPPRESSED_ADDRESS, SuppressedAddress, address_key
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services import observed

# What is about the recipient's address for good. Not among them: the sender's address (5.1.7, 5.1.8), its spelling,
# which may be a fault of ours (5.1.3), full mailboxes, sizes, content, policy.
_HARD = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1"})
_MOST = 5_000  # addresses that one account's bounces may add: who has more is no correspondent
_DAY_MS = 86_400_000
_MAX_REASON = 300  # characters of what a server said
_SHOWN_REASON, _SHOWN_ADDRESS = 120, 100  # characters: a reply of SMTP has 512 octets


class Suppressed(msgspec.Struct, frozen=True):
    """Why an address is not written to, as a reply: 550, a status of RFC 3463, a text in ASCII."""

    status: str
    text: str

    def __str__(self) -> str:
        return f"550 {self.status} {self.text}"


def suppressed(view: View, account: str, addresses: Iterable[str]) -> dict[str, Suppressed]:
    """Of these addresses those that mail of an account is not sent to."""
    keys = {address: address_key(address) for address in addresses}
    found = view.find(SUPPRESSED_ADDRESS, DIRECTORY, "address", sorted(set(keys.values())))
    if not found:
        return {}
    records = view.get_many(SUPPRESSED_ADDRESS, DIRECTORY, [id for _, id in found])
    why = {
        one.address: one
        for one in records.values()
        if one.account_id in (None, account) and not one.is_over(view.now_ms)
    }
    return {address: _reply(address, why[key]) for address, key in keys.items() if key in why}


def is_hard(reply: str) -> bool:
    """Whether a server's reply says that there is no such address, or none that takes mail, for good."""
    words = reply.split(" ", 2)
    return len(words) > 1 and words[0].startswith("5") and words[1] in _HARD


def note_bounce(tx: Transaction, account: str, address: str, reply: str, days: float) -> None:
    """Remember that an address's own server has refused it; mail of the account is not sent to it for some days."""
    if days <= 0:
        return
    key = address_key(address)
    reason = "".join(letter if letter.isprintable() else " " for letter in reply)[:_MAX_REASON]
    expires_at = utc_date(tx.now_ms + int(days * _DAY_MS))
    ids = [id for _, id in tx.find(SUPPRESSED_ADDRESS, DIRECTORY, "address", [key])]
    known = [one for one in tx.get_many(SUPPRESSED_ADDRESS, DIRECTORY, ids).values() if one.account_id == account]
    try:
        with tx.savepoint():
            if known:
                _renew(tx, known[0], reason, expires_at)
            elif len(tx.find(SUPPRESSED_ADDRESS, DIRECTORY, "accountId", [account])) < _MOST:
                fresh = SuppressedAddress(
                    id=tx.new_id(SUPPRESSED_ADDRESS),
                    address=key,
                    account_id=account,
                    reason=reason,
                    expires_at=expires_at,
                    created_at=utc_date(tx.now_ms),
                )
                tx.write(SUPPRESSED_ADDRESS, DIRECTORY, None, fresh)
                observed.SUPPRESSED.log(account=account, recipient=key)
    except Fault as fault:  # what was sent has to be written down, whatever becomes of this
        observed.NOT_SUPPRESSED.log(account=account, why=fault.kind.value)


def _renew(tx: Transaction, old: SuppressedAddress, reason: str, expires_at: str) -> None:
    if old.expires_at is not None:  # what stays for good was set by hand
        new = msgspec.structs.replace(old, reason=reason, expires_at=expires_at)
        tx.write(SUPPRESSED_ADDRESS, DIRECTORY, old, new)


def ended(view: View) -> list[str]:
    """The ids of those whose time is over, or whose account is gone."""
    records = view.all(SUPPRESSED_ADDRESS, DIRECTORY)
    owners = {one.account_id for one in records if one.account_id is not None}
    living = {None, DIRECTORY, *view.get_many(ACCOUNT, DIRECTORY, sorted(owners - {DIRECTORY}))}
    return [one.id for one in records if one.is_over(view.now_ms) or one.account_id not in living]


def forget(tx: Transaction, ids: Sequence[str]) -> None:
    """Delete those of these that are still over."""
    for one in tx.get_many(SUPPRESSED_ADDRESS, DIRECTORY, ids).values():
        owner = one.account_id
        is_alone = owner not in (None, DIRECTORY) and tx.get(ACCOUNT, DIRECTORY, owner) is None
        if is_alone or one.is_over(tx.now_ms):
            tx.write(SUPPRESSED_ADDRESS, DIRECTORY, one, None)


def _reply(address: str, why: SuppressedAddress) -> Suppressed:
    reason = "".join(letter if " " <= letter <= "~" else "?" for letter in why.reason)[:_SHOWN_REASON].strip()
    name = address if address.isascii() and len(address) <= _SHOWN_ADDRESS else "ADDRESS"
    way = f"an administrator can allow it: pillarbox suppression remove {name}"
    if is_hard(why.reason):
        until = f"mail goes there again from {why.expires_at[:10]}, or " if why.expires_at is not None else ""
        return Suppressed("5.1.1", f"not sent, as the address refused mail before ({reason}); {until}{way}")
    # Somebody's decision is policy, whatever the address may be.
    return Suppressed("5.7.1", f"this server does not write to the address{f' ({reason})' if reason else ''}; {way}")
