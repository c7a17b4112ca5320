"""Blob/copy (RFC 8620 §6.3) and Blob/lookup (RFC 9404 §4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import BLOB, CORE, MAIL
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.registry import TYPES
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.blob_access import BlobReader, is_whole, stored_size
from pillarbox.services.blob_upload import store_upload
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result

# What a blob can be looked up in, and the capability that a request has to name for it.
TYPE_NAMES: Mapping[str, str] = {
    **{kind.name: kind.capability for kind in TYPES if kind.holds_blobs},
    "Mailbox": MAIL,
    "Thread": MAIL,
}


def copy_blobs(tx: Transaction, call: MethodCall) -> Result:
    """Copy blobs from another account; each stands or falls alone."""
    source, blobs = call.arguments["fromAccountId"], list(dict.fromkeys(call.arguments["blobIds"]))
    if source == call.account:
        raise Fault(Kind.INVALID_ARGUMENTS, "fromAccountId and accountId are the same", arguments=["fromAccountId"])
    # The method belongs to the core, which every app password may use; what it reads does not.
    if not call.caller.allows(BLOB):
        raise Fault(Kind.FORBIDDEN, "this app password does not allow that")
    if call.caller.access(source) is None:
        raise Fault(Kind.FROM_ACCOUNT_NOT_FOUND)
    check_count(len(blobs), tx.limits.max_objects_in_set)
    copied: dict[str, str] = {}
    refused: dict[str, Fault] = {}
    reader = BlobReader(tx, source)
    for blob in blobs:
        try:
            with tx.savepoint():
                copied[blob] = _copy_one(tx, reader, call.account, blob)
        except Fault as fault:
            refused[blob] = fault
    return {
        "fromAccountId": source,
        "accountId": call.account,
        "copied": copied or None,
        "notCopied": refused or None,
    }


def _copy_one(tx: Transaction, reader: BlobReader, target: str, blob: str) -> str:
    data = reader.read(blob)
    if data is None:
        # RFC 8620 §6.3: "the notFound SetError error may be returned if the blobId to be copied cannot be found."
        raise Fault(Kind.NOT_FOUND, "there is no such blob in the other account")
    return store_upload(tx, target, data)


def lookup(view: View, call: MethodCall) -> Result:
    """Which records hold the blobs. A part of a message leads to its Email, and that to its Thread and Mailboxes."""
    names, ids = list(dict.fromkeys(call.arguments["typeNames"])), list(dict.fromkeys(call.arguments["ids"]))
    check_count(len(ids), view.limits.max_objects_in_get)
    # RFC 9404 §4.3: "If the requested type is not known by the server, or the associated capability is not requested in
    # the using section, the method MUST be rejected with unknownDataType."
    if unknown := [name for name in names if TYPE_NAMES.get(name) not in call.using]:
        raise Fault(Kind.UNKNOWN_DATA_TYPE, f"blobs cannot be looked up in {unknown[0]}")
    reader = BlobReader(view, call.account)
    found = {id: _matches(view, call.account, reader, id, names) for id in ids}
    return {
        "accountId": call.account,
        "list": [{"id": id, "matchedIds": matched} for id, matched in found.items() if matched is not None],
        "notFound": [id for id, matched in found.items() if matched is None],
    }


def _matches(view: View, account: str, reader: BlobReader, blob: str, names: list[str]) -> dict[str, list[str]] | None:
    # A slice may lie outside of what is there, which only reading tells.
    size = stored_size(view, account, blob) if is_whole(blob) else reader.read(blob)
    if size is None:
        return None
    out: dict[str, set[str]] = {name: set() for name in names}
    for name, id in view.blob_references(account, blob):
        if name in out:
            out[name].add(id)
        email = view.get(EMAIL, account, id) if name == EMAIL.name else None
        if email is not None:
            out.get("Thread", set()).add(email.thread_id)
            out.get("Mailbox", set()).update(email.mailbox_ids)
    return {name: sorted(ids) for name, ids in out.items()}


def check_count(count: int, limit: int) -> None:
    """Raise requestTooLarge for more objects than a call may name."""
    if count > limit:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {limit} objects can be named in one call")


_COPY: Mapping[str, Argument] = {
    "fromAccountId": Argument(str),
    "accountId": Argument(str),
    "blobIds": Argument(list[str]),
}
_LOOKUP: Mapping[str, Argument] = {**ACCOUNT_ID, "typeNames": Argument(list[str]), "ids": Argument(list[str])}


def _always(_call: Any) -> bool:
    return True


METHODS: tuple[Method, ...] = (
    Method("Blob/copy", CORE, _COPY, write=copy_blobs, changes_data=True, slow=_always),
    Method("Blob/lookup", BLOB, _LOOKUP, read=lookup),
)
