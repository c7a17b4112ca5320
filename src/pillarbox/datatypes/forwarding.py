"""Forwarding: where a user has mail sent on to; the account in the directory says the same, in step with it."""

from __future__ import annotations

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.forward import MAX_FORWARDS, forward_addresses
from pillarbox.datatypes.capability import FORWARDING as CAPABILITY
from pillarbox.datatypes.declare import GET, SET, SINGLETON, DataType, MethodCall, Record, Rules
from pillarbox.datatypes.view import Transaction


class Forwarding(Record, frozen=True):
    """The one forwarding of an account: mail goes to these addresses too, and only there without `keepsCopy`."""

    addresses: list[str] = msgspec.field(default_factory=list)
    keeps_copy: bool = True


class ForwardingRules(Rules[Forwarding]):
    """Users forward where administrators let them, and the directory is told."""

    def complete(self, tx: Transaction, call: MethodCall, old: Forwarding | None, new: Forwarding) -> Forwarding:
        return msgspec.structs.replace(new, addresses=forward_addresses(new.addresses, "addresses", MAX_FORWARDS))

    def check(self, tx: Transaction, account: str, old: Forwarding | None, new: Forwarding | None) -> None:
        holder = tx.get(ACCOUNT, DIRECTORY, account)
        if new is None or holder is None or _says(holder, new):
            return
        if not holder.may_forward:
            raise Fault(Kind.FORBIDDEN, "mail of this account is forwarded by administrators only")

    def follow(self, tx: Transaction, account: str, old: Forwarding | None, new: Forwarding | None) -> None:
        holder = tx.get(ACCOUNT, DIRECTORY, account)
        if new is None or holder is None or _says(holder, new):
            return
        told = msgspec.structs.replace(holder, forward_to=new.addresses, keeps_copy=new.keeps_copy)
        tx.write(ACCOUNT, DIRECTORY, holder, told)


FORWARDING: DataType[Forwarding] = DataType(
    Forwarding,
    letter="f",
    capability=CAPABILITY,
    methods=frozenset({GET, SET}),
    rules=ForwardingRules(),
    singleton=True,
)


def show_forwarding(tx: Transaction, account: Account) -> None:
    """Have the user see what the directory says of an account."""
    old = tx.get(FORWARDING, account.id, SINGLETON)
    before = old or FORWARDING.initial
    new = msgspec.structs.replace(before, addresses=account.forward_to, keeps_copy=account.keeps_copy)
    if new != before:
        tx.write(FORWARDING, account.id, old, new)


def _says(account: Account, forwarding: Forwarding) -> bool:
    return (account.forward_to, account.keeps_copy) == (forwarding.addresses, forwarding.keeps_copy)
