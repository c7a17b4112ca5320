"""Alias: a further address, whose mail goes to one or more accounts."""

from __future__ import annotations

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import invalid
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.account import RULES as ACCOUNT_RULES
from pillarbox.datatypes.admin.domain import RULES as DOMAIN_RULES
from pillarbox.datatypes.admin.domain import place_address, refuse_taken
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Reference, ServerSet
from pillarbox.datatypes.view import Transaction, View

_MAX_DESCRIPTION, _MAX_TARGETS = 1_000, 1_000


class Alias(Record, frozen=True):
    """An address that stands for accounts; all of them may send as it."""

    address: Indexed[str]
    targets: Reference[Indexed[list[str]]]
    description: str = ""
    is_enabled: bool = True
    domain_id: ServerSet[Indexed[str]] = ""
    created_at: ServerSet[str] = ""


class AliasRules(Rules[Alias]):
    """The address is nobody else's, and the targets exist."""

    def complete(self, tx: Transaction, call: MethodCall, old: Alias | None, new: Alias) -> Alias:
        address, domain_id = place_address(tx, new.address, "address")
        new = msgspec.structs.replace(
            new, address=address, domain_id=domain_id, targets=list(dict.fromkeys(new.targets))
        )
        return new if old is not None else msgspec.structs.replace(new, created_at=utc_date(tx.now_ms))

    def check(self, tx: Transaction, account: str, old: Alias | None, new: Alias | None) -> None:
        if new is None:
            return
        if len(new.description) > _MAX_DESCRIPTION:
            raise invalid("description", f"a description has at most {_MAX_DESCRIPTION} characters")
        if not 0 < len(new.targets) <= _MAX_TARGETS:
            raise invalid("targets", f"an alias has 1 to {_MAX_TARGETS} targets")
        if len(tx.get_many(ACCOUNT, DIRECTORY, new.targets)) != len(new.targets):
            raise invalid("targets", "targets are the ids of accounts")
        if old is None or old.address != new.address:
            refuse_taken(tx, new.address, new.id)


RULES = AliasRules()
ALIAS: DataType[Alias] = DataType(
    Alias,
    letter="l",
    capability=ADMIN,
    rules=RULES,
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda alias: alias.address,
    filters={
        "address": Filter(str, test=lambda alias, text: text.casefold() in alias.address),
        "target": Filter(str, test=lambda alias, value: value in alias.targets),
        "domainId": Filter(str, test=lambda alias, value: alias.domain_id == value),
        "isEnabled": Filter(bool, test=lambda alias, value: alias.is_enabled == value),
    },
    sorts={"address": Sort(key=lambda alias: alias.address), "createdAt": Sort(key=lambda alias: alias.created_at)},
)
DOMAIN_RULES.aliases = ALIAS
ACCOUNT_RULES.aliases = ALIAS


def alias_named(view: View, address: str) -> Alias | None:
    """The alias with this address, in the directory's spelling."""
    found = view.find(ALIAS, DIRECTORY, "address", [address])
    return view.get(ALIAS, DIRECTORY, found[0][1]) if found else None
