"""Blob/upload: blobs made of text, base64 and pieces of other blobs (RFC 9404 §4.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.capability import BLOB
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import Transaction
from pillarbox.services.blob_access import BlobReader
from pillarbox.services.blob_upload import store_upload
from pillarbox.services.methods.blob import check_count
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, Method, Result

_PASSES = 12  # how long a chain of blobs, each made of the one before, may be


class DataSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where some octets of a new blob come from: exactly one of text, base64 and a blob (RFC 9404 §4.1)."""

    as_text: str | None = msgspec.field(name="data:asText", default=None)
    as_base64: str | None = msgspec.field(name="data:asBase64", default=None)
    blob_id: str | None = msgspec.field(name="blobId", default=None)
    offset: int | None = None
    length: int | None = None


class Upload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An UploadObject (RFC 9404 §4.1)."""

    data: list[DataSource]
    type: str | None = None


def upload(tx: Transaction, call: MethodCall) -> Result:
    """Make blobs; each stands or falls alone. One may be made of another of the same call, named by its creation id."""
    given: dict[str, dict[str, Any]] = call.arguments["create"]
    check_count(len(given), tx.limits.max_objects_in_set)
    created: dict[str, Any] = {}
    refused: dict[str, Fault] = {}
    todo = list(given)
    reader = BlobReader(tx, call.account)
    for _ in range(_PASSES):
        for key in todo:
            try:
                with tx.savepoint():
                    created[key] = _create(tx, call, reader, given[key])
            except Fault as fault:
                refused[key] = fault
                continue
            refused.pop(key, None)
            call.created_ids[key] = created[key]["id"]
        left = [key for key in todo if key in refused]
        if not left or len(left) == len(todo):
            break
        todo = left
    return {"accountId": call.account, "created": created or None, "notCreated": refused or None}


def _create(tx: Transaction, call: MethodCall, reader: BlobReader, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        wanted = msgspec.convert(given, Upload)
    except msgspec.ValidationError as error:
        raise invalid("data", str(error)) from None
    if len(wanted.data) > tx.limits.max_data_sources:
        raise Fault(Kind.TOO_LARGE, f"a blob is made of at most {tx.limits.max_data_sources} pieces")
    out = bytearray()
    for source in wanted.data:
        out += _octets(call, reader, source)
        if len(out) > tx.limits.max_size_blob_set:
            most = tx.limits.max_size_blob_set
            raise Fault(Kind.TOO_LARGE, f"a blob made in this way has at most {most} octets", max_size=most)
    return {"id": store_upload(tx, call.account, bytes(out)), "type": wanted.type, "size": len(out)}


def _octets(call: MethodCall, reader: BlobReader, source: DataSource) -> bytes:
    if sum(part is not None for part in (source.as_text, source.as_base64, source.blob_id)) != 1:
        raise invalid("data", "a data source has exactly one of data:asText, data:asBase64 and blobId")
    if source.blob_id is not None:
        return _piece(call, reader, source, source.blob_id)
    if source.offset is not None or source.length is not None:
        raise invalid("data", "offset and length are about a blobId")
    if source.as_text is not None:
        try:
            return source.as_text.encode("utf-8")
        except UnicodeEncodeError:
            raise invalid("data", "data:asText has half of a surrogate pair") from None
    try:
        return base64.b64decode(source.as_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise invalid("data", "data:asBase64 is not base64") from None


def _piece(call: MethodCall, reader: BlobReader, source: DataSource, blob: str) -> bytes:
    id = call.created_ids.get(blob[1:]) if blob.startswith("#") else blob
    data = reader.read(id) if id is not None else None
    if data is None:
        raise Fault(Kind.BLOB_NOT_FOUND, "there is no such blob", not_found=[blob])
    offset = source.offset or 0
    end = len(data) if source.length is None else offset + source.length
    # RFC 9404 §4.1: "If the range cannot be fully satisfied (i.e., it begins or extends past the end of the data in the
    # blob), then the DataSourceObject is invalid, and the upload is rejected."
    if offset < 0 or end < offset or end > len(data):
        raise invalid("data", "the blob has no such range")
    return data[offset:end]


def _reads_blobs(call: MethodCall) -> bool:
    """Whether blobs are made of others, which may be large and have to be decoded."""
    pieces = (piece for given in call.arguments["create"].values() for piece in _listed(given.get("data")))
    return any(isinstance(piece, Mapping) and "blobId" in piece for piece in pieces)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_ARGUMENTS: Mapping[str, Argument] = {**ACCOUNT_ID, "create": Argument(dict[str, dict[str, Any]])}
METHODS: tuple[Method, ...] = (
    Method("Blob/upload", BLOB, _ARGUMENTS, write=upload, changes_data=True, slow=_reads_blobs),
)
