"""Foo/copy for every type: records from one account to another (RFC 8620 §5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.declare import DataType, Extra, MethodCall
from pillarbox.datatypes.mark import Mark
from pillarbox.datatypes.view import Transaction
from pillarbox.services.methods import observed
from pillarbox.services.methods.convert import changed_record
from pillarbox.services.methods.method import Argument, FollowUp, Result
from pillarbox.services.methods.set import told
from pillarbox.storage.database import Interrupted

ARGUMENTS = {
    "fromAccountId": Argument(str),
    "ifFromInState": Argument(str | None, None),
    "accountId": Argument(str),
    "ifInState": Argument(str | None, None),
    "create": Argument(dict[str, dict[str, Any]]),
    "onSuccessDestroyOriginal": Argument(bool, False),  # noqa: FBT003 -- an argument's default
    "destroyFromIfInState": Argument(str | None, None),
}


def copy(kind: DataType[Any], tx: Transaction, call: MethodCall) -> Result:
    """Copy records; each stands or falls alone."""
    arguments = call.arguments
    source, target = arguments["fromAccountId"], call.account
    # RFC 8620 §5.4: accountId "MUST be different to the fromAccountId".
    if source == target:
        raise Fault(Kind.INVALID_ARGUMENTS, "fromAccountId and accountId are the same", arguments=["fromAccountId"])
    if call.caller.access(source) is None:
        raise Fault(Kind.FROM_ACCOUNT_NOT_FOUND)
    if (source == DIRECTORY) != kind.directory:
        raise Fault(Kind.FROM_ACCOUNT_NOT_SUPPORTED)
    if len(arguments["create"]) > tx.limits.max_objects_in_set:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {tx.limits.max_objects_in_set} objects can be copied in one call")
    _compare(tx, kind, source, arguments["ifFromInState"])
    tx.number(target)
    _compare(tx, kind, target, arguments["ifInState"])
    old_state = str(tx.state(kind, target))
    created: dict[str, Any] = {}
    call.prepared = {}  # creation id -> id of the original, for the implicit /set
    refused: dict[str, Fault] = {}
    for creation_id, given in arguments["create"].items():
        try:
            with tx.savepoint():
                created[creation_id] = _copy_one(kind, tx, call, source, creation_id, given)
        except Fault as fault:
            refused[creation_id] = fault
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            observed.RECORD_FAILED.log(error, method=f"{kind.name}/copy")
            refused[creation_id] = Fault(Kind.FAILED, "the server failed on this record; its log says more")
    return {
        "fromAccountId": source,
        "accountId": target,
        "oldState": old_state,
        "newState": str(tx.state(kind, target)),
        "created": created or None,
        "notCreated": refused or None,
    }


def _compare(tx: Transaction, kind: DataType[Any], account: str, state: str | None) -> None:
    if state is not None and state != str(tx.state(kind, account)):
        raise Fault(Kind.STATE_MISMATCH)


def _copy_one(
    kind: DataType[Any], tx: Transaction, call: MethodCall, source: str, creation_id: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    id = given.get("id")
    original = (
        tx.get(kind, source, call.created_ids.get(id[1:], id) if id.startswith("#") else id)
        if isinstance(id, str)
        else None
    )
    if original is None:
        raise Fault(Kind.NOT_FOUND, "there is no such record in the other account")
    wanted = {name: value for name, value in given.items() if name != "id"}
    new, extra = kind.rules.copy(tx, call, source, original, wanted)
    if new is None:
        new, extra = _plain_copy(kind, tx, call, original, wanted), Extra()
    if (existing := kind.rules.existing(tx, call.account, new)) is not None:
        raise Fault(Kind.ALREADY_EXISTS, "the account has this already", existing_id=existing)
    new = kind.rules.complete(tx, call, None, new)
    tx.write(kind, call.account, None, new, extra)
    call.prepared[creation_id] = original.id
    call.created_ids[creation_id] = new.id
    return told(kind, tx, call, new, wanted)


def _plain_copy(
    kind: DataType[Any], tx: Transaction, call: MethodCall, original: Any, wanted: Mapping[str, Any]
) -> Any:
    kept = [p.attribute for p in kind.properties.values() if not p.is_marked(Mark.SERVER_SET)]
    fresh = kind.record(**{attribute: getattr(original, attribute) for attribute in kept})
    return msgspec.structs.replace(changed_record(kind, fresh, wanted, call.created_ids), id=tx.new_id(kind))


def destroy_originals(kind: DataType[Any], call: MethodCall, result: Result) -> list[FollowUp]:
    """The implicit /set on the other account that onSuccessDestroyOriginal asks for (RFC 8620 §5.4)."""
    if not call.arguments["onSuccessDestroyOriginal"] or not result["created"]:
        return []
    ids = [call.prepared[creation_id] for creation_id in result["created"]]
    set_arguments = {
        "accountId": call.arguments["fromAccountId"],
        "destroy": ids,
        "ifInState": call.arguments["destroyFromIfInState"],
    }
    return [(f"{kind.name}/set", set_arguments)]
