"""Quota: how much mail an account may hold, and how much it does (RFC 9425).

Two records in each account, counted in the very transaction that adds or removes an Email, so that they are never off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.capability import QUOTA as QUOTA_CAPABILITY
from pillarbox.datatypes.declare import (
    CHANGES,
    GET,
    QUERY,
    QUERY_CHANGES,
    DataType,
    Filter,
    MethodCall,
    Record,
    Rules,
    Sort,
)
from pillarbox.datatypes.mark import Counter
from pillarbox.datatypes.view import Transaction, View

OCTETS, COUNT = "octets", "count"  # the ids of the two records, and their resource types (RFC 9425 §3.2)
# What JSON can say at most (RFC 8620 §1.3, UnsignedInt): hardLimit has to be there even when nobody has set one.
UNLIMITED = 2**53 - 1
_WARN_PERCENT = 90
_CAPABILITY_OF = {"Email": MAIL}
_NAMES = {OCTETS: "Mail storage", COUNT: "Number of messages"}


class Quota(Record, frozen=True, kw_only=True):
    """One limit and its use (RFC 9425 §4)."""

    resource_type: str
    used: Counter[int] = 0
    hard_limit: int = UNLIMITED
    scope: str = "account"
    name: str
    types: tuple[str, ...] = ("Email",)
    warn_limit: int | None = None
    soft_limit: int | None = None
    description: str | None = None


class QuotaRules(Rules[Quota]):
    """Nobody sets quotas here; a reader sees those whose data types it asked for."""

    def screen(self, call: MethodCall, records: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
        # RFC 9425 §4: "The server MUST filter out any types for which the client did not request the associated
        # capability in the using section of the request. Further, the server MUST NOT return Quota objects for which
        # there are no types recognised by the client." All of ours are about one type: shown whole or not at all.
        return records if _CAPABILITY_OF["Email"] in call.using else {}


def charge(tx: Transaction, account: str, octets: int, count: int) -> None:
    """Count what an Email adds to the account, or with negative numbers gives back.

    Raises overQuota, and then nothing is counted.
    """
    deltas = {OCTETS: octets, COUNT: count}
    found = {id: _existing(tx, account, id) for id, delta in deltas.items() if delta}
    for id, quota in found.items():
        if deltas[id] > 0 and quota.used + deltas[id] > quota.hard_limit:
            raise Fault(Kind.OVER_QUOTA, f"{quota.name}: {quota.used} of {quota.hard_limit} are used")
    for id, quota in found.items():
        tx.write(QUOTA, account, quota, msgspec.structs.replace(quota, used=max(0, quota.used + deltas[id])))


def set_limits(tx: Transaction, account: str, octets: int | None, count: int | None) -> None:
    """Give an account its limits, None for no limit; makes its quotas when it has none yet."""
    for id, limit in ((OCTETS, octets), (COUNT, count)):
        quota = _existing(tx, account, id)
        warn = limit * _WARN_PERCENT // 100 if limit is not None else None
        hard = UNLIMITED if limit is None else limit
        tx.write(QUOTA, account, quota, msgspec.structs.replace(quota, hard_limit=hard, warn_limit=warn))


def has_room(view: View, account: str, octets: int) -> bool:
    """Whether one more message of this size fits."""
    found = view.get_many(QUOTA, account, (OCTETS, COUNT))
    needs = {OCTETS: octets, COUNT: 1}
    return all(quota.used + needs[id] <= quota.hard_limit for id, quota in found.items())


def _existing(tx: Transaction, account: str, id: str) -> Quota:
    quota = tx.get(QUOTA, account, id)
    if quota is None:
        quota = Quota(id=id, resource_type=id, name=_NAMES[id])
        tx.write(QUOTA, account, None, quota)
    return quota


RULES = QuotaRules()
QUOTA = DataType(
    Quota,
    letter="q",
    capability=QUOTA_CAPABILITY,
    methods=frozenset({GET, CHANGES, QUERY, QUERY_CHANGES}),
    rules=RULES,
    filters={
        "name": Filter(str, test=lambda quota, text: text in quota.name),
        "scope": Filter(str, test=lambda quota, scope: quota.scope == scope),
        "resourceType": Filter(str, test=lambda quota, kind: quota.resource_type == kind),
        "type": Filter(str, test=lambda quota, name: name in quota.types),
    },
    sorts={
        "name": Sort(key=lambda quota: quota.name.casefold()),
        "used": Sort(key=lambda quota: quota.used),
    },
)
