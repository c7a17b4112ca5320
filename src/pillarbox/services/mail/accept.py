"""A message is taken over for its recipients, in one transaction: whoever brought it may be told so afterwards.

By LMTP, by SMTP and from accounts of this server, all pass here (RFC 5321 §4.2.5, §6.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.reading import Reading
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.view import Transaction
from pillarbox.services import observed
from pillarbox.services.directory import Recipient
from pillarbox.services.mail.deliver import deliver_reading


class Destination(msgspec.Struct, frozen=True):
    """A recipient as the sender named it, and where that leads; it was not refused."""

    address: Address
    found: Recipient


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A message on its way in, read, with its trace fields: Return-Path is its first field (RFC 5321 §4.4)."""

    reading: Reading
    mail_from: Address  # without an address: the null reverse-path
    recipients: tuple[Destination, ...]
    received_ms: int
    is_quarantined: bool = False  # goes to the mailboxes for junk


class Outcome(msgspec.Struct, frozen=True):
    """What became of a message for one recipient: it was taken over, or not, for a reason."""

    fault: Fault | None = None


_TAKEN = Outcome()


def accept(tx: Transaction, incoming: Incoming) -> list[Outcome]:
    """Take a message over for each of its recipients; in their order what became of it.

    An account that several of the recipients lead to gets one copy. When only one account is to have the message, the
    fault is raised that refuses it, and the caller gives up its transaction or savepoint: here that saves a tenth.
    """
    if len(incoming.recipients) == 1 and len(incoming.recipients[0].found.accounts) == 1:
        _store(tx, incoming.recipients[0].found.accounts[0], incoming)
        return [_TAKEN]
    stored: set[str] = set()
    outcomes: list[Outcome] = []
    for recipient in incoming.recipients:
        accounts = recipient.found.accounts
        try:
            with tx.savepoint():
                stored |= _store_in_all(tx, [a for a in accounts if a not in stored], incoming)
            outcomes.append(_TAKEN)
        except Fault as fault:
            observed.NOT_STORED.log(accounts=accounts, why=fault.kind.value)
            outcomes.append(Outcome(fault))
    return outcomes


def _store_in_all(tx: Transaction, accounts: Sequence[str], incoming: Incoming) -> set[str]:
    """Store a message in the accounts of one recipient; those that had room.

    The accounts behind an alias share one outcome. A full one of them is passed over as long as another takes the
    message: were it refused, the client would send it to the others again and again. Any other failure undoes all.
    """
    full: dict[str, Fault] = {}
    for account in accounts:
        try:
            with tx.savepoint():
                _store(tx, account, incoming)
        except Fault as fault:
            if fault.kind is not Kind.OVER_QUOTA:
                raise
            full[account] = fault
    if full and len(full) == len(accounts):
        raise next(iter(full.values()))
    if full:
        observed.FULL.log(accounts=list(full))
    return set(accounts) - set(full)


def _store(tx: Transaction, account: str, incoming: Incoming) -> None:
    role = "junk" if incoming.is_quarantined else "inbox"
    deliver_reading(tx, account, incoming.reading, mailbox_role=role, received_ms=incoming.received_ms)
