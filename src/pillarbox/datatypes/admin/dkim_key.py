"""DkimKey: a key by which the server signs the mail of a domain, and the record that publishes it.

Sections: RFC 6376 §3.1 (selectors), §3.6; RFC 8463 §4; RFC 8301 §3.2.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.admin.domain import RULES as DOMAIN_RULES
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Immutable, Indexed, Internal, Reference, ServerSet, WriteOnly
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.mailauth.signing_key import (
    ED25519_SHA256,
    RSA_SHA256,
    Algorithm,
    SigningKey,
    import_key,
    new_key,
)

# Published: it shall sign when the world has had time to see its record. Retired: it signs no more, but mail that it
# signed is under way, and its record stays.
State = Literal["published", "active", "retired"]
PUBLISHED: State = "published"
ACTIVE: State = "active"
RETIRED: State = "retired"

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_LETTERS = {RSA_SHA256: "r", ED25519_SHA256: "e"}
_MOST_AT_ONCE = 50  # keys that one call makes


class DkimKey(Record, frozen=True, kw_only=True):
    """A key. `dnsName` is where `record` has to stand as a TXT record; `privateKey` takes one in PEM, to import it."""

    domain_id: Immutable[Reference[Indexed[str]]]
    domain: ServerSet[str] = ""
    selector: Immutable[str] = ""
    algorithm: Immutable[Algorithm] = RSA_SHA256
    state: State = PUBLISHED
    dns_name: ServerSet[str] = ""
    record: ServerSet[str] = ""
    private_key: WriteOnly[str] = ""
    secret: Internal[str] = ""  # as formats.mailauth.signing_key keeps it
    created_at: ServerSet[str] = ""
    activated_at: ServerSet[str | None] = None
    retired_at: ServerSet[str | None] = None


class DkimKeyRules(Rules[DkimKey]):
    """One key of each algorithm signs for a domain; the one before it retires."""

    def prepare(self, view: View, call: MethodCall) -> dict[str, list[str]]:
        """Make the keys that this call wants: one for RSA takes a tenth of a second, in which nobody must wait."""
        wanted = Counter(
            given.get("algorithm", RSA_SHA256)
            for given in (call.arguments["create"] or {}).values()
            if not given.get("privateKey")
        )
        ready: dict[str, list[str]] = {ED25519_SHA256: [], RSA_SHA256: []}
        if wanted[RSA_SHA256]:
            view.take_time()
        for algorithm in (ED25519_SHA256, RSA_SHA256):
            for _ in range(min(wanted[algorithm], _MOST_AT_ONCE)):
                ready[algorithm].append(new_key(algorithm))
        return ready

    def complete(self, tx: Transaction, call: MethodCall, old: DkimKey | None, new: DkimKey) -> DkimKey:
        if old is not None:
            if new.private_key:
                raise invalid("privateKey", "a key stays what it is; make another one")
            return with_times(old, new, tx.now_ms)
        domain = tx.get(DOMAIN, DIRECTORY, new.domain_id)
        if domain is None:
            raise invalid("domainId", "there is no such domain")
        if new.private_key:
            return complete_key(tx, domain, new, _imported(new))
        ready = call.prepared[new.algorithm]
        if not ready:
            raise Fault(Kind.OVER_QUOTA, f"one call makes at most {_MOST_AT_ONCE} keys of a kind")
        return complete_key(tx, domain, new, ready.pop())

    def check(self, tx: Transaction, account: str, old: DkimKey | None, new: DkimKey | None) -> None:
        if new is None:
            return
        if not _SELECTOR.match(new.selector):
            raise invalid("selector", "a selector has up to 63 letters a to z, digits and hyphens, such as 202612r")
        if old is not None and old.state != PUBLISHED and new.state == PUBLISHED:
            raise invalid("state", "a key that has signed is active or retired")
        if not new.secret or new.private_key:
            raise Fault(Kind.FAILED, "a key was not made")

    def follow(self, tx: Transaction, account: str, old: DkimKey | None, new: DkimKey | None) -> None:
        if new is None or new.state != ACTIVE or (old is not None and old.state == ACTIVE):
            return
        for other in keys_of(tx, new.domain_id):
            if other.id != new.id and other.algorithm == new.algorithm and other.state == ACTIVE:
                retired = msgspec.structs.replace(other, state=RETIRED)
                tx.write(DKIM_KEY, DIRECTORY, other, with_times(other, retired, tx.now_ms))

    def may_destroy(self, tx: Transaction, call: MethodCall, old: DkimKey) -> None:
        if old.state == ACTIVE:
            raise Fault(Kind.FORBIDDEN, f"{old.dns_name} signs the mail of {old.domain}; retire it first")


def complete_key(tx: Transaction, domain: Domain, new: DkimKey, secret: str) -> DkimKey:
    """A new key with all that the server sets."""
    key = SigningKey(secret)
    if new.algorithm != key.algorithm:
        raise invalid("algorithm", f"the private key is one for {key.algorithm}")
    selector = new.selector or _free_selector(tx, domain, new.algorithm)
    new = msgspec.structs.replace(
        new,
        domain=domain.name,
        selector=selector,
        dns_name=f"{selector}._domainkey.{domain.name}",
        record=key.record(),
        private_key="",
        secret=secret,
        created_at=utc_date(tx.now_ms),
    )
    return with_times(None, new, tx.now_ms)


def with_times(old: DkimKey | None, new: DkimKey, now_ms: int) -> DkimKey:
    """The key with the times of its change of state."""
    if old is not None and old.state == new.state:
        return new
    now = utc_date(now_ms)
    if new.state == ACTIVE:
        return msgspec.structs.replace(new, activated_at=now, retired_at=None)
    return msgspec.structs.replace(new, retired_at=now if new.state == RETIRED else None)


def _imported(new: DkimKey) -> str:
    try:
        return import_key(new.private_key.encode())
    except ValueError as error:
        raise invalid("privateKey", str(error)) from None


def _free_selector(view: View, domain: Domain, algorithm: Algorithm) -> str:
    """The month and a letter for the algorithm, such as 202612r; from the second of a month on with a number."""
    taken = {key.selector for key in keys_of(view, domain.id)}
    first = utc_date(view.now_ms)[:7].replace("-", "") + _LETTERS[algorithm]
    return next(name for n in range(1, len(taken) + 2) if (name := first if n == 1 else f"{first}{n}") not in taken)


DKIM_KEY: DataType[DkimKey] = DataType(
    DkimKey,
    letter="x",
    capability=ADMIN,
    rules=DkimKeyRules(),
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda key: f"{key.domain_id} {key.selector}",
    filters={
        "domainId": Filter(str, test=lambda key, domain: key.domain_id == domain, reference=True, fixed=True),
        "state": Filter(str, test=lambda key, state: key.state == state),
    },
    sorts={"dnsName": Sort(key=lambda key: key.dns_name), "createdAt": Sort(key=lambda key: key.created_at)},
)
DOMAIN_RULES.keys = DKIM_KEY


def keys_of(view: View, domain_id: str) -> list[DkimKey]:
    """All keys of a domain, oldest first."""
    ids = [id for _, id in view.find(DKIM_KEY, DIRECTORY, "domainId", [domain_id])]
    return sorted(view.get_many(DKIM_KEY, DIRECTORY, ids).values(), key=lambda key: (key.created_at, key.id))


def add_keys(tx: Transaction, domain: Domain, secrets: list[str], state: State) -> list[DkimKey]:
    """Write new keys for a domain. The secrets were made before, outside of the transaction."""
    added: list[DkimKey] = []
    for secret in secrets:
        fresh = DkimKey(
            id=tx.new_id(DKIM_KEY), domain_id=domain.id, algorithm=SigningKey(secret).algorithm, state=state
        )
        added.append(complete_key(tx, domain, fresh, secret))
        tx.write(DKIM_KEY, DIRECTORY, None, added[-1])
    return added
