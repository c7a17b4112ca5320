"""Foo/set for every type: each record stands or falls alone, in a savepoint (RFC 8620 §5.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import SINGLETON, YIELDING, DataType, Extra, MethodCall, Record, Rules
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.view import Transaction
from pillarbox.services.methods import observed, patch
from pillarbox.services.methods.convert import changed_record, new_record
from pillarbox.services.methods.get import fetch
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Result
from pillarbox.storage.database import Interrupted

_PASSES = 12  # deep enough for a chain of new mailboxes, each in the one before
ARGUMENTS = {
    **ACCOUNT_ID,
    "ifInState": Argument(str | None, None),
    "create": Argument(dict[str, dict[str, Any]] | None, None),
    "update": Argument(dict[str, dict[str, Any]] | None, None),
    "destroy": Argument(list[str] | None, None),
}


def set_(kind: DataType[Any], tx: Transaction, call: MethodCall) -> Result:
    """Create, update and destroy; what was refused says why, and everything else is done."""
    arguments = call.arguments
    count = sum(len(arguments[name] or ()) for name in ("create", "update", "destroy"))
    if count > tx.limits.max_objects_in_set:
        raise Fault(
            Kind.REQUEST_TOO_LARGE, f"at most {tx.limits.max_objects_in_set} objects can be changed in one call"
        )
    tx.number(call.account)
    old_state = str(tx.state(kind, call.account))
    if arguments["ifInState"] not in (None, old_state):
        raise Fault(Kind.STATE_MISMATCH, f"the state is {old_state}")
    work = _Work(kind, tx, call)
    work.run()
    return {
        "accountId": call.account,
        "oldState": old_state,
        "newState": str(tx.state(kind, call.account)),
        "created": work.created or None,
        "updated": work.updated or None,
        "destroyed": work.destroyed or None,
        "notCreated": work.refused["create"] or None,
        "notUpdated": work.refused["update"] or None,
        "notDestroyed": work.refused["destroy"] or None,
    }


class _Work:
    """One /set call in progress."""

    def __init__(self, kind: DataType[Any], tx: Transaction, call: MethodCall) -> None:
        self.kind, self.tx, self.call = kind, tx, call
        self.created: dict[str, Any] = {}
        self.updated: dict[str, Any] = {}
        self.destroyed: list[str] = []
        self.refused: dict[str, dict[str, Fault]] = {"create": {}, "update": {}, "destroy": {}}

    def run(self) -> None:
        """Try everything, and what was refused again as long as something else succeeded.

        One may wait for another: a child for its parent, a name for its former owner.
        """
        arguments = self.call.arguments
        todo: list[tuple[str, str, Any]] = [("create", k, v) for k, v in (arguments["create"] or {}).items()]
        todo += [("update", k, v) for k, v in (arguments["update"] or {}).items()]
        todo += [("destroy", k, None) for k in dict.fromkeys(arguments["destroy"] or ())]
        for _ in range(_PASSES):
            left = [item for item in todo if not self._attempt(*item)]
            if not left or len(left) == len(todo):
                break
            todo = left
        self._exchange([(key, value) for act, key, value in todo if act == "update" and key in self.refused[act]])

    def _exchange(self, updates: list[tuple[str, Any]]) -> None:
        """Try updates that stand in each other's way all at once, without those that are wrong even then.

        RFC 8620 §5.3: "A single method call could rename an object A => B and simultaneously rename another object B =>
        A. If the final state is valid, this is allowed."
        """
        for _ in range(_PASSES if self.kind.rules.yields else 0):
            wrong = self._update_together(updates) if len(updates) > 1 else None
            if wrong is None:
                break
            updates = [(key, value) for key, value in updates if key != wrong]

    def _update_together(self, updates: list[tuple[str, Any]]) -> str | None:
        """Apply these updates as one; None when they stand, else the key of one that cannot."""
        tx, before, at = self.tx, dict(self.updated), ""
        try:
            with tx.savepoint():
                tx.remember(YIELDING, frozenset(self._resolve(key) for key, _ in updates))
                for at, value in updates:
                    self._update(at, value)
                tx.remember(YIELDING, frozenset())
                for at, _ in updates:
                    self.kind.rules.check(
                        tx, self.call.account, None, tx.get(self.kind, self.call.account, self._resolve(at))
                    )
        except Fault:
            self.updated = before
            return at
        for key, _ in updates:
            self.refused["update"].pop(key, None)
        return None

    def _attempt(self, act: str, key: str, value: Any) -> bool:
        doing: Callable[[str, Any], None] = {"create": self._create, "update": self._update, "destroy": self._destroy}[
            act
        ]
        try:
            with self.tx.savepoint():
                doing(key, value)
        except Fault as fault:
            self.refused[act][key] = fault
            return False
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            # RFC 8620 §3.6.2: one record that we fail on must not take the others with it.
            observed.RECORD_FAILED.log(error, method=f"{self.kind.name}/set", act=act)
            self.refused[act][key] = Fault(Kind.FAILED, "the server failed on this record; its log says more")
            return True
        self.refused[act].pop(key, None)
        return True

    def _create(self, creation_id: str, given: Mapping[str, Any]) -> None:
        kind, tx, call = self.kind, self.tx, self.call
        if kind.singleton:
            raise Fault(Kind.SINGLETON, f"there is exactly one {kind.name}")
        extra = Extra()
        if type(kind.rules).create is not Rules.create:
            record, extra = kind.rules.create(tx, call, creation_id, given)
        else:
            record = new_record(kind, tx.new_id(kind), given, call.created_ids)
        record = kind.rules.complete(tx, call, None, record)
        tx.write(kind, call.account, None, record, extra)
        self.created[creation_id] = told(kind, tx, call, record, given)
        call.created_ids[creation_id] = record.id

    def _update(self, key: str, given: Mapping[str, Any]) -> None:
        kind, tx, call = self.kind, self.tx, self.call
        id = self._resolve(key)
        if not kind.singleton and any(self._resolve(d) == id for d in call.arguments["destroy"] or ()):
            raise Fault(Kind.WILL_DESTROY, "the same call destroys this record")
        stored = tx.get(kind, call.account, id)
        old = stored if stored is not None else self._initial(id)
        current = msgspec.to_builtins(old)
        wanted = patch.apply(
            current, kind.rules.patched({self._pointer(pointer): value for pointer, value in given.items()})
        )
        self._drop_repeated(id, wanted)
        new = changed_record(kind, old, wanted, call.created_ids)
        asked = new
        new = kind.rules.complete(tx, call, old, new)
        if stored is not None or new != old:
            tx.write(kind, call.account, stored, new)
        self.updated[key if not key.startswith("#") else id] = _altered(
            kind, asked, tx.get(kind, call.account, id) or new
        )

    def _pointer(self, pointer: str) -> str:
        """A pointer with a creation id as its last member resolved: mailboxIds/#box (RFC 8620 §5.3)."""
        head, slash, last = pointer.rpartition("/")
        if slash and last.startswith("#"):
            top = self.kind.properties.get(head.split("/")[0])
            if top is not None and top.is_marked(Mark.REFERENCE) and last[1:] in self.call.created_ids:
                return f"{head}/{self.call.created_ids[last[1:]]}"
        return pointer

    def _drop_repeated(self, id: str, wanted: dict[str, Any]) -> None:
        """Leave out what a client may see but not set, when it is given as it is (RFC 8620 §5.3)."""
        kind, properties = self.kind, self.kind.properties
        names = [n for n in wanted if n in kind.part_of or (n in properties and properties[n].is_marked(Mark.COMPUTED))]
        if not names:
            return
        shown = fetch(kind, self.tx, self.call, [id], names).get(id, {})
        for name in names:
            if _plain(shown.get(name)) == wanted[name]:
                del wanted[name]

    def _destroy(self, key: str, _: Any) -> None:
        kind, tx, call = self.kind, self.tx, self.call
        if kind.singleton:
            raise Fault(Kind.SINGLETON, f"there is exactly one {kind.name}")
        id = self._resolve(key)
        old = tx.get(kind, call.account, id) or self._initial(id)
        kind.rules.may_destroy(tx, call, old)
        tx.write(kind, call.account, old, None)
        self.destroyed.append(id)

    def _resolve(self, key: str) -> str:
        return self.call.created_ids.get(key[1:], key) if key.startswith("#") else key

    def _initial(self, id: str) -> Any:
        """A singleton that was never changed has no row: what the client changes are its defaults.

        All else is not found.
        """
        if self.kind.singleton and id == SINGLETON:
            return self.kind.initial
        raise Fault(Kind.NOT_FOUND, f"there is no {self.kind.name} with this id")


def told(
    kind: DataType[Any], tx: Transaction, call: MethodCall, record: Record, given: Mapping[str, Any]
) -> dict[str, Any]:
    """What the client cannot know of a record that it created: what the server set, and defaults that it left out."""
    stored = msgspec.to_builtins(tx.get(kind, call.account, record.id) or record)
    out = {
        p.name: stored[p.name]
        for p in kind.properties.values()
        if p.visible and not p.is_marked(Mark.COMPUTED) and p.name in stored
    }
    out = {name: value for name, value in out.items() if name not in given or given[name] != value}
    names = [n for n in kind.computed_names if n in kind.properties]
    if names:
        raw = {record.id: stored}
        out.update(kind.rules.compute(tx, call, raw, names).get(record.id, {}))
    return out


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else msgspec.to_builtins(value)


def _altered(kind: DataType[Any], asked: Record, stored: Record) -> dict[str, Any] | None:
    """What the server changed beyond what the client asked for, or None (RFC 8620 §5.3)."""
    if asked == stored:
        return None
    names = [
        p.name
        for p in kind.properties.values()
        if p.visible and getattr(asked, p.attribute) != getattr(stored, p.attribute)
    ]
    builtins = msgspec.to_builtins(stored)
    return {name: builtins[name] for name in names} or None
