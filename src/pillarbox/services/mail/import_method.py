"""Email/import: uploaded messages become emails (RFC 8621 §4.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.keyword import checked_keywords
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.blob_access import BlobReader
from pillarbox.services.mail.deliver import received_time, store_in
from pillarbox.services.methods import observed
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result
from pillarbox.storage.database import Interrupted

_MANY, _LARGE_OCTETS = 20, 1_000_000  # more than this is stored elsewhere than on the event loop


class EmailImport(msgspec.Struct, frozen=True, rename="camel"):
    """One message to import."""

    blob_id: str
    mailbox_ids: dict[str, bool]
    keywords: dict[str, bool] = {}
    received_at: str | None = None


class Prepared(msgspec.Struct, frozen=True):
    """A message that was read, ready to be stored."""

    order: EmailImport
    reading: Reading


def _prepare(view: View, call: MethodCall) -> dict[str, Prepared | Fault]:
    if len(call.arguments["emails"]) > view.limits.max_objects_in_set:
        raise Fault(
            Kind.REQUEST_TOO_LARGE, f"at most {view.limits.max_objects_in_set} emails can be imported in one call"
        )
    out: dict[str, Prepared | Fault] = {}
    reader = BlobReader(view, call.account)
    for creation_id, given in call.arguments["emails"].items():
        try:
            out[creation_id] = _prepare_one(view, call, reader, given)
        except Fault as fault:
            out[creation_id] = fault
    return out


def _prepare_one(view: View, call: MethodCall, reader: BlobReader, given: Mapping[str, Any]) -> Prepared:
    order = _order(given)
    blob = call.created_ids.get(order.blob_id[1:], order.blob_id) if order.blob_id.startswith("#") else order.blob_id
    data = reader.read(blob)
    if data is None:
        raise invalid("blobId", "there is no such blob")
    if len(data) > view.limits.max_size_message:
        raise Fault(Kind.TOO_LARGE, f"a message has at most {view.limits.max_size_message} octets")
    reading = read_message(data)
    if not reading.structure.root.fields:
        raise Fault(Kind.INVALID_MESSAGE, "this is not a message: it has no header field", properties=["blobId"])
    return Prepared(order, reading)


def _order(given: Mapping[str, Any]) -> EmailImport:
    values: dict[str, Any] = {}
    bad, notes = [], []
    for info in msgspec.structs.fields(EmailImport):
        if info.encode_name in given or info.required:
            try:
                values[info.name] = msgspec.convert(given.get(info.encode_name), info.type)
            except msgspec.ValidationError as error:
                bad.append(info.encode_name)
                notes.append(f"{info.encode_name}: {error}")
    bad += [name for name in given if name not in {i.encode_name for i in msgspec.structs.fields(EmailImport)}]
    if values.get("received_at") is not None and from_date(values["received_at"]) is None:
        bad.append("receivedAt")
    if bad:
        raise invalid(bad, "; ".join(notes))
    return EmailImport(**values)


def import_(tx: Transaction, call: MethodCall) -> Result:
    """Store the messages; each stands or falls alone."""
    tx.number(call.account)
    old_state = str(tx.state(EMAIL, call.account))
    if call.arguments["ifInState"] not in (None, old_state):
        raise Fault(Kind.STATE_MISMATCH, f"the state is {old_state}")
    created: dict[str, Any] = {}
    refused: dict[str, Fault] = {}
    for creation_id, prepared in call.prepared.items():
        try:
            if isinstance(prepared, Fault):
                raise prepared
            with tx.savepoint():
                created[creation_id] = _import_one(tx, call, prepared)
            call.created_ids[creation_id] = created[creation_id]["id"]
        except Fault as fault:
            refused[creation_id] = fault
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others must not suffer
            observed.RECORD_FAILED.log(error, method="Email/import")
            refused[creation_id] = Fault(Kind.FAILED, "the server failed on this message; its log says more")
    new_state = str(tx.state(EMAIL, call.account))
    return {
        "accountId": call.account,
        "oldState": old_state,
        "newState": new_state,
        "created": created or None,
        "notCreated": refused or None,
    }


def _import_one(tx: Transaction, call: MethodCall, prepared: Prepared) -> dict[str, Any]:
    order = prepared.order
    if not order.mailbox_ids:
        raise invalid("mailboxIds", "an email is in at least one mailbox")
    mailboxes = {call.created_ids.get(k[1:], k) if k.startswith("#") else k: v for k, v in order.mailbox_ids.items()}
    keywords = checked_keywords(order.keywords, tx.limits.max_keywords_per_email)
    received = from_date(order.received_at) if order.received_at is not None else received_time(prepared.reading)
    email = store_in(
        tx, call.account, prepared.reading, mailboxes, keywords, tx.now_ms if received is None else received
    )
    return {"id": email.id, "blobId": email.blob_id, "threadId": email.thread_id, "size": email.size}


def _is_slow(call: MethodCall) -> bool:
    """Whether the import keeps others waiting: asked before the messages are read, and again when they are."""
    read: Mapping[str, Prepared | Fault] = call.prepared or {}
    octets = sum(len(one.reading.data) for one in read.values() if isinstance(one, Prepared))
    return len(call.arguments["emails"]) > _MANY or octets > _LARGE_OCTETS


METHODS = (
    Method(
        "Email/import",
        MAIL,
        {**ACCOUNT_ID, "ifInState": Argument(str | None, None), "emails": Argument(dict[str, dict[str, Any]])},
        prepare=_prepare,
        write=import_,
        changes_data=True,
        slow=_is_slow,
    ),
)
