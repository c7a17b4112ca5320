"""Alias: a further address, or a pattern of addresses, whose mail goes to accounts and to other addresses."""

from __future__ import annotations

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date, is_utc_date, utc_date
from pillarbox.core.faults import invalid
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.admin.account import RULES as ACCOUNT_RULES
from pillarbox.datatypes.admin.domain import RULES as DOMAIN_RULES
from pillarbox.datatypes.admin.domain import place_address, refuse_taken
from pillarbox.datatypes.admin.forward import forward_addresses
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Indexed, Internal, Reference, ServerSet
from pillarbox.datatypes.view import Transaction, View, first_with

_MAX_DESCRIPTION, _MAX_TARGETS, _MAX_PATTERNS = 1_000, 1_000, 200


class Alias(Record, frozen=True):
    """An address that stands for accounts, all of which may send as it, and for addresses in `forwardTo`.

    `*` in its local part stands for any characters: `*@example.org`, `shop-*@example.org`. From `expiresAt` on, it
    takes no mail.
    """

    address: Indexed[str]
    targets: Reference[Indexed[list[str]]] = msgspec.field(default_factory=list)
    forward_to: list[str] = msgspec.field(default_factory=list)
    description: str = ""
    is_enabled: bool = True
    expires_at: str | None = None
    pattern_in: Indexed[Internal[str | None]] = None  # the domain of which this is a pattern
    domain_id: ServerSet[Indexed[str]] = ""
    created_at: ServerSet[str] = ""

    def takes_mail(self, now_ms: int) -> bool:
        """Whether it is enabled and has not expired."""
        last = from_date(self.expires_at) if self.expires_at else None
        return self.is_enabled and (last is None or now_ms < last)

    def match_length(self, local: str) -> int:
        """How many characters of a local part the pattern names itself; -1 when it does not match."""
        before, _, after = self.address.rpartition("@")[0].partition("*")
        fits = len(local) >= len(before) + len(after) and local.startswith(before) and local.endswith(after)
        return len(before) + len(after) if fits else -1


class AliasRules(Rules[Alias]):
    """The address is nobody else's, and the targets exist."""

    def complete(self, tx: Transaction, call: MethodCall, old: Alias | None, new: Alias) -> Alias:
        address, domain_id = place_address(tx, new.address, "address")
        new = msgspec.structs.replace(
            new,
            address=address,
            domain_id=domain_id,
            targets=list(dict.fromkeys(new.targets)),
            forward_to=forward_addresses(new.forward_to, "forwardTo", _MAX_TARGETS),
            pattern_in=domain_id if "*" in address else None,
        )
        return new if old is not None else msgspec.structs.replace(new, created_at=utc_date(tx.now_ms))

    def check(self, tx: Transaction, account: str, old: Alias | None, new: Alias | None) -> None:
        if new is None:
            return
        if len(new.description) > _MAX_DESCRIPTION:
            raise invalid("description", f"a description has at most {_MAX_DESCRIPTION} characters")
        if not 0 < len(new.targets) + len(new.forward_to) <= _MAX_TARGETS:
            raise invalid("targets", f"an alias has 1 to {_MAX_TARGETS} targets and addresses to forward to")
        if len(tx.get_many(ACCOUNT, DIRECTORY, new.targets)) != len(new.targets):
            raise invalid("targets", "targets are the ids of accounts")
        if new.expires_at is not None and not is_utc_date(new.expires_at):
            raise invalid("expiresAt", "expiresAt is null or a UTCDate such as 2030-01-31T08:00:00Z")
        if new.pattern_in is not None and (old is None or old.address != new.address):
            _check_pattern(tx, new, new.pattern_in)
        if old is None or old.address != new.address:
            refuse_taken(tx, new.address, new.id)


def _check_pattern(tx: Transaction, new: Alias, domain: str) -> None:
    if new.address.count("*") > 1:
        raise invalid("address", "a pattern has one *")
    if len(tx.find(ALIAS, DIRECTORY, "patternIn", [domain])) >= _MAX_PATTERNS:
        raise invalid("address", f"a domain has at most {_MAX_PATTERNS} patterns")


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
    return first_with(view, ALIAS, DIRECTORY, "address", address)


def pattern_for(view: View, domain: str, local: str) -> Alias | None:
    """Of the patterns of a domain, by id, the one that matches a local part best: by the most characters of its own."""
    ids = [id for _, id in view.find(ALIAS, DIRECTORY, "patternIn", [domain])]
    matching = [alias for alias in view.get_many(ALIAS, DIRECTORY, ids).values() if alias.match_length(local) >= 0]
    return max(matching, key=lambda alias: (alias.match_length(local), alias.address), default=None)
