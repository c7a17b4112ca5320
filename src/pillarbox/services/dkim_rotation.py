"""Makes the keys that domains lack, and replaces old ones: published first, then signing, then out of use.

Sections: RFC 6376 §3.1 (selectors are for this), RFC 5863 §3.5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date
from pillarbox.core.dns import Answer, Lookup, Status
from pillarbox.datatypes.admin.dkim_key import (
    ACTIVE,
    DKIM_KEY,
    PUBLISHED,
    RETIRED,
    DkimKey,
    State,
    add_keys,
    with_times,
)
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.mailauth.key_lookup import ask_keys
from pillarbox.formats.mailauth.key_record import BadKey, parse_key_record
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, RSA_SHA256, Algorithm, new_key

_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
ALGORITHMS: tuple[Algorithm, ...] = (RSA_SHA256, ED25519_SHA256)


class Timing(msgspec.Struct, frozen=True):
    """Whether domains without keys get some; how long a key signs (0: for ever), is published before and afterwards."""

    make_keys: bool = True
    rotate_days: int = 0
    prepublish_hours: int = 48
    retire_days: int = 14


class Wanted(msgspec.Struct, frozen=True):
    """A domain that wants keys of these kinds, and what these shall be at first."""

    domain_id: str
    algorithms: tuple[Algorithm, ...]
    state: State


class Plan(msgspec.Struct, frozen=True):
    """What is due: keys to be made, keys that shall sign once their records are seen, keys to be removed."""

    wanted: tuple[Wanted, ...] = ()
    ripe: tuple[DkimKey, ...] = ()
    removable: tuple[str, ...] = ()


def plan(view: View, timing: Timing) -> Plan:
    """What is due now. It costs a look at all keys."""
    keys: dict[str, list[DkimKey]] = {domain.id: [] for domain in view.all(DOMAIN, DIRECTORY)}
    for key in view.all(DKIM_KEY, DIRECTORY):
        keys.setdefault(key.domain_id, []).append(key)
    # A domain that never had a key signs at once: nobody has seen a record of it that could now be missing.
    first = [Wanted(domain, ALGORITHMS, ACTIVE) for domain, own in keys.items() if timing.make_keys and not own]
    aged = {domain: _aged(own, timing, view.now_ms) for domain, own in keys.items()}
    due = [Wanted(domain, found, PUBLISHED) for domain, found in aged.items() if found]
    everything = [key for own in keys.values() for key in own]
    return Plan(
        (*first, *due),
        tuple(key for key in everything if _is_ripe(key, timing, view.now_ms)),
        tuple(key.id for key in everything if _is_over(key, timing, view.now_ms)),
    )


def _aged(keys: list[DkimKey], timing: Timing, now_ms: int) -> tuple[Algorithm, ...]:
    """The kinds of key that have signed for nearly long enough, and have no successor yet."""
    if not timing.rotate_days:
        return ()
    age = timing.rotate_days * _DAY_MS - timing.prepublish_hours * _HOUR_MS
    waiting = {key.algorithm for key in keys if key.state == PUBLISHED}
    old = {key.algorithm for key in keys if key.state == ACTIVE and _since(key.activated_at) + age <= now_ms}
    return tuple(each for each in ALGORITHMS if each in old - waiting)


def _is_ripe(key: DkimKey, timing: Timing, now_ms: int) -> bool:
    return key.state == PUBLISHED and _since(key.created_at) + timing.prepublish_hours * _HOUR_MS <= now_ms


def _is_over(key: DkimKey, timing: Timing, now_ms: int) -> bool:
    return key.state == RETIRED and _since(key.retired_at) + timing.retire_days * _DAY_MS <= now_ms


def _since(date: str | None) -> int:
    return (from_date(date) or 0) if date else 0


def make_secrets(wanted: Iterable[Wanted]) -> dict[str, list[str]]:
    """Private keys by domain. It takes a tenth of a second each: no transaction is open meanwhile."""
    return {each.domain_id: [new_key(algorithm) for algorithm in each.algorithms] for each in wanted}


def carry_out(
    tx: Transaction, done: Plan, secrets: Mapping[str, list[str]], seen: Collection[str], timing: Timing
) -> None:
    """Do what was planned, but for what has changed meanwhile. `seen`: ids of ripe keys that may sign."""
    again = plan(tx, timing)
    for wanted in again.wanted:
        domain = tx.get(DOMAIN, DIRECTORY, wanted.domain_id)
        if domain is not None and wanted in done.wanted:
            add_keys(tx, domain, secrets[domain.id], wanted.state)
    for key in again.ripe:
        if key.id in seen:
            activate(tx, key)
    for id in again.removable:
        over = tx.get(DKIM_KEY, DIRECTORY, id)
        if over is not None and id in done.removable:
            tx.write(DKIM_KEY, DIRECTORY, over, None)


def activate(tx: Transaction, key: DkimKey) -> None:
    """Let a key sign from now on; the one before it retires."""
    active = with_times(key, msgspec.structs.replace(key, state=ACTIVE), tx.now_ms)
    tx.write(DKIM_KEY, DIRECTORY, key, active)


def rotate(tx: Transaction, domain_id: str, secrets: list[str], *, at_once: bool) -> list[DkimKey]:
    """Give a domain new keys: published for now, or signing at once, when somebody else may have the old ones."""
    domain = tx.get(DOMAIN, DIRECTORY, domain_id)
    return [] if domain is None else add_keys(tx, domain, secrets, ACTIVE if at_once else PUBLISHED)


def seen_keys(keys: Iterable[DkimKey]) -> Lookup[set[str]]:
    """The ids of the keys whose records the DNS has as they should be."""
    keys = tuple(keys)
    answers = yield from ask_keys(key.dns_name for key in keys)
    return {key.id for key in keys if publishes(answers[key.dns_name], key)}


def publishes(answer: Answer, key: DkimKey) -> bool:
    """Whether an answer has the key, however its record is written otherwise."""
    if answer.status is not Status.FOUND:
        return False
    ours = parse_key_record(key.record.encode())
    for text in answer.records:
        try:
            if isinstance(text, bytes) and parse_key_record(text).key == ours.key:
                return True
        except BadKey:
            continue
    return False
