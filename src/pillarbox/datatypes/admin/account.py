"""Account: somebody who can log in, or a group that others open; its data is kept under its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import from_date, utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.admin.account_password import Hashed, NewPassword, hash_passwords
from pillarbox.datatypes.admin.domain import DOMAIN, place_address, refuse_taken
from pillarbox.datatypes.admin.domain import RULES as DOMAIN_RULES
from pillarbox.datatypes.admin.forward import MAX_FORWARDS, forward_addresses
from pillarbox.datatypes.admin.password import complaint
from pillarbox.datatypes.admin.removal import REMOVAL, Removal
from pillarbox.datatypes.capability import ADMIN
from pillarbox.datatypes.declare import DataType, Filter, MethodCall, Record, Rules, Sort
from pillarbox.datatypes.mark import Immutable, Indexed, Internal, Reference, ServerSet, WriteOnly
from pillarbox.datatypes.view import Transaction, View, first_with

_MAX_DESCRIPTION, _MAX_DELEGATES = 1_000, 1_000
KEEP_MS = 30 * 86_400_000  # how long the data of a destroyed account is kept


class Account(Record, frozen=True):
    """An account. `name` is its address and login name; `delegates` are the accounts that may open it, and how.

    Its mail goes to the addresses in `forwardTo` as well, and with `keepsCopy` off only there. The user may set both by
    Forwarding as long as `mayForward`.
    """

    name: Indexed[str]
    description: str = ""
    kind: Immutable[Literal["individual", "group"]] = "individual"
    is_enabled: bool = True
    is_admin: bool = False
    password: WriteOnly[str] = ""
    password_hash: Internal[str] = ""
    scram: Internal[str] = ""  # the keys of the password, as wire.sasl.scram_key writes them
    password_changed_at: ServerSet[str | None] = None
    quota_octets: int | None = None
    quota_count: int | None = None
    delegates: Reference[Indexed[dict[str, Literal["read", "write"]]]] = msgspec.field(default_factory=dict)
    forward_to: list[str] = msgspec.field(default_factory=list)
    keeps_copy: bool = True
    may_forward: bool = True
    domain_id: ServerSet[Indexed[str]] = ""
    created_at: ServerSet[str] = ""


Furnish = Callable[[Transaction, Account | None, Account], None]


class AccountRules(Rules[Account]):
    """Addresses are unique, passwords are kept as hashes only, and somebody can always administer the server."""

    aliases: DataType[Any]  # set where they are declared: aliases and lists know accounts
    lists: DataType[Any]
    # Makes what an account has from the start and keeps it in step; set once, from the floor that knows mailboxes.
    furnish: Furnish

    def prepare(self, view: View, call: MethodCall) -> Hashed:
        create, update = call.arguments["create"] or {}, call.arguments["update"] or {}
        stored = view.get_many(ACCOUNT, DIRECTORY, update)
        given: list[NewPassword] = []
        for new in create.values():
            given += _new_password(new, str(new.get("name")), None)
        for id, patch in update.items():
            given += _new_password(patch, id, stored.get(id))
        return hash_passwords(view, given)

    def complete(self, tx: Transaction, call: MethodCall, old: Account | None, new: Account) -> Account:
        key = new.name if old is None else old.id
        name, domain_id = place_address(tx, new.name, "name")
        forward_to = forward_addresses(new.forward_to, "forwardTo", MAX_FORWARDS)
        new = msgspec.structs.replace(new, name=name, domain_id=domain_id, forward_to=forward_to)
        if old is None:
            new = msgspec.structs.replace(new, created_at=utc_date(tx.now_ms))
        return _with_hash(tx, new, key, call.prepared) if new.password else new

    def check(self, tx: Transaction, account: str, old: Account | None, new: Account | None) -> None:
        if old is not None and administers(old) and (new is None or not administers(new)):
            _refuse_last_administrator(tx, old)
        if new is None:
            return
        if new.password:
            raise Fault(Kind.FAILED, "a password was not hashed")
        _check_values(new)
        if old is None or old.name != new.name:
            refuse_taken(tx, new.name, new.id)
        if len(tx.get_many(ACCOUNT, DIRECTORY, new.delegates)) != len(new.delegates) or new.id in new.delegates:
            raise invalid("delegates", "delegates are the ids of other accounts")

    def follow(self, tx: Transaction, account: str, old: Account | None, new: Account | None) -> None:
        if new is not None:
            self.furnish(tx, old, new)
            return
        assert old is not None
        self._forget(tx, old)
        purge_at = utc_date(tx.now_ms + KEEP_MS)
        removal = Removal(
            id=tx.new_id(REMOVAL), account_id=old.id, name=old.name, removed_at=utc_date(tx.now_ms), purge_at=purge_at
        )
        tx.write(REMOVAL, DIRECTORY, None, removal)

    def _forget(self, tx: Transaction, gone: Account) -> None:
        """Take the account out of everything that names it; an alias that leads nowhere any more goes with it."""
        for _, id in tx.find(DOMAIN, DIRECTORY, "catchAll", [gone.id]):
            if (domain := tx.get(DOMAIN, DIRECTORY, id)) is not None:
                tx.write(DOMAIN, DIRECTORY, domain, msgspec.structs.replace(domain, catch_all=None))
        for _, id in tx.find(self.aliases, DIRECTORY, "targets", [gone.id]):
            if (alias := tx.get(self.aliases, DIRECTORY, id)) is not None:
                left = [t for t in alias.targets if t != gone.id]
                keep = left or alias.forward_to
                tx.write(self.aliases, DIRECTORY, alias, msgspec.structs.replace(alias, targets=left) if keep else None)
        for property in ("members", "owners"):
            for _, id in tx.find(self.lists, DIRECTORY, property, [gone.id]):
                if (one := tx.get(self.lists, DIRECTORY, id)) is not None:
                    tx.write(self.lists, DIRECTORY, one, one.without(gone.id))
        for _, id in tx.find(ACCOUNT, DIRECTORY, "delegates", [gone.id]):
            if (other := tx.get(ACCOUNT, DIRECTORY, id)) is not None:
                left_delegates = {d: right for d, right in other.delegates.items() if d != gone.id}
                tx.write(ACCOUNT, DIRECTORY, other, msgspec.structs.replace(other, delegates=left_delegates))


def _new_password(given: Mapping[str, Any], key: str, old: Account | None) -> list[NewPassword]:
    password = given.get("password")
    if not isinstance(password, str) or complaint(password) is not None:
        return []
    name, kept = (old.name, old.scram) if old is not None else (key, "")
    return [NewPassword(key, name, kept, password)]


def _with_hash(tx: Transaction, new: Account, key: str, hashed: Hashed) -> Account:
    if (wrong := complaint(new.password)) is not None:
        raise invalid("password", wrong)
    # The hash is nobody's to see, and what nobody sees is not announced: the date is, so it has to differ every time.
    last = from_date(new.password_changed_at) if new.password_changed_at else None
    now = tx.now_ms if last is None else max(tx.now_ms, last + 1_000)
    hash, keys = hashed.of(key, new.password)
    return msgspec.structs.replace(new, password="", password_hash=hash, scram=keys, password_changed_at=utc_date(now))


def _check_values(new: Account) -> None:
    if len(new.description) > _MAX_DESCRIPTION:
        raise invalid("description", f"a description has at most {_MAX_DESCRIPTION} characters")
    if wrong := [
        n
        for n, v in (("quotaOctets", new.quota_octets), ("quotaCount", new.quota_count))
        if v is not None and not 0 <= v < 2**53
    ]:
        raise invalid(wrong, "a quota is null or a number of at least 0")
    if len(new.delegates) > _MAX_DELEGATES:
        raise invalid("delegates", f"an account has at most {_MAX_DELEGATES} delegates")
    if new.kind == "group" and (new.is_admin or new.password_hash):
        raise invalid(
            "isAdmin" if new.is_admin else "password", "nobody logs in as a group: it is opened by its delegates"
        )


def administers(account: Account) -> bool:
    """Whether who opens the account may administer the server."""
    return account.is_admin and account.is_enabled


def _refuse_last_administrator(tx: Transaction, old: Account) -> None:
    if not any(administers(other) and other.id != old.id for other in tx.all(ACCOUNT, DIRECTORY)):
        raise Fault(Kind.FORBIDDEN, f"{old.name} is the last administrator; make another account one first")


RULES = AccountRules()
ACCOUNT: DataType[Account] = DataType(
    Account,
    letter="a",
    capability=ADMIN,
    rules=RULES,
    methods=frozenset({"get", "changes", "set", "query", "queryChanges"}),
    directory=True,
    unique_key=lambda account: account.name,
    filters={
        "name": Filter(str, test=lambda account, text: text.casefold() in account.name),
        "text": Filter(
            str, test=lambda a, text: text.casefold() in a.name or text.casefold() in a.description.casefold()
        ),
        "domainId": Filter(str, test=lambda account, value: account.domain_id == value),
        "isEnabled": Filter(bool, test=lambda account, value: account.is_enabled == value),
        "isAdmin": Filter(bool, test=lambda account, value: account.is_admin == value),
        "kind": Filter(str, test=lambda account, value: account.kind == value),
    },
    sorts={"name": Sort(key=lambda account: account.name), "createdAt": Sort(key=lambda account: account.created_at)},
)
DOMAIN_RULES.accounts = ACCOUNT


def account_named(view: View, name: str) -> Account | None:
    """The account with this name, in the directory's spelling."""
    return first_with(view, ACCOUNT, DIRECTORY, "name", name)
