"""Emails that have a header field, perhaps with a text in it (RFC 8621 §4.4.1, the condition `header`).

The text index knows the names of header fields; what stands in them is read from the messages themselves.
"""

from __future__ import annotations

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import View
from pillarbox.formats.message import header
from pillarbox.formats.message.scan import scan


def with_header(kind: DataType[Email], view: View, account: str, wanted: c.HeaderIs) -> list[str]:
    """The ids of the emails that match."""
    candidates = [id for id, _ in view.select(kind, account, c.HasHeader(wanted.name), ())]
    if candidates:
        view.take_time()
    needle = (wanted.text or "").casefold()
    out: list[str] = []
    for start in range(0, len(candidates), 500):
        emails = view.get_many(kind, account, candidates[start : start + 500]).values()
        out += [e.id for e in emails if _has(view.read_blob(account, e.blob_id) or b"", wanted.name, needle)]
    return out


def _has(data: bytes, name: str, needle: str) -> bool:
    end = data.find(b"\r\n\r\n")
    head = data[: end + 4] if end >= 0 else data
    values = header.find(head, scan(head).root.fields, name, all=True)
    return any(
        needle in header.as_text(value).casefold() or needle in header.as_raw(value).casefold() for value in values
    )
