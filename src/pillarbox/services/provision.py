"""What an account has from the start: room in the store, mailboxes with roles, its quotas and its identity."""

from __future__ import annotations

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import RULES as ACCOUNT_RULES
from pillarbox.datatypes.admin.account import Account
from pillarbox.datatypes.admin.password import credential_of
from pillarbox.datatypes.forwarding import show_forwarding
from pillarbox.datatypes.identity import IDENTITY, default_identity
from pillarbox.datatypes.identity import RULES as IDENTITY_RULES
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.push_subscription import destroy_bound
from pillarbox.datatypes.quota import set_limits
from pillarbox.datatypes.view import Transaction
from pillarbox.services import directory
from pillarbox.storage.transaction import Transaction as StoreTransaction

# (role, name) in the order in which people look for them.
_MAILBOXES = (
    ("inbox", "Inbox"),
    ("drafts", "Drafts"),
    ("sent", "Sent"),
    ("archive", "Archive"),
    ("junk", "Junk"),
    ("trash", "Trash"),
)


def connect_rules() -> None:
    """Give the rules of accounts and identities what is on this floor. Once, before anything is written."""
    ACCOUNT_RULES.furnish = furnish
    IDENTITY_RULES.may_send_as = directory.may_send_as


def furnish(tx: Transaction, old: Account | None, new: Account) -> None:
    """Make what a new account has from the start; after a change, bring what copies it in step."""
    if old is None:
        if not isinstance(tx, StoreTransaction):
            raise Fault(Kind.FAILED, "only a store can make an account")
        tx.add_account(new.id)
        if not tx.ids(MAILBOX, new.id, 1):  # an account out of a backup has its own
            _add_mailboxes(tx, new.id)
    if old is None or (old.quota_octets, old.quota_count) != (new.quota_octets, new.quota_count):
        set_limits(tx, new.id, new.quota_octets, new.quota_count)
    show_forwarding(tx, new)
    if old is not None and old.password_hash != new.password_hash:
        destroy_bound(tx, new.id, credential_of(old.password_hash))
    if not new.is_enabled:
        destroy_bound(tx, new.id)
    if old is None or old.name != new.name:
        _replace_identity(tx, new)


def _add_mailboxes(tx: Transaction, account: str) -> None:
    for order, (role, name) in enumerate(_MAILBOXES, 1):
        tx.write(MAILBOX, account, None, Mailbox(id=tx.new_id(MAILBOX), name=name, role=role, sort_order=order * 10))


def _replace_identity(tx: Transaction, new: Account) -> None:
    """The identity that cannot be deleted is that of the account's present address; signatures stay."""
    fresh = default_identity(tx.new_id(IDENTITY), new.name, new.description)
    for identity in tx.all(IDENTITY, new.id):
        if not identity.may_delete:
            fresh = msgspec.structs.replace(identity, id=fresh.id, email=fresh.email)
            tx.write(IDENTITY, new.id, identity, None)
    tx.write(IDENTITY, new.id, None, fresh)
