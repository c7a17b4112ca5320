"""Emails that have a header field, perhaps with a text in it (RFC 8621 §4.4.1, RFC 9051 §6.4.4: HEADER).

The text index knows the names of header fields; what stands in them is read from the messages themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import View
from pillarbox.formats.message import header
from pillarbox.formats.message.scan import scan

_CHUNK = 500
# Fields whose message ids stand in the listing: what is not there need not be looked for in the message.
_LISTED = {"message-id": b'"messageId":null', "in-reply-to": b'"inReplyTo":null', "references": b'"references":null'}
_PLAIN_ID = re.compile(r"<?([\x21\x23-\x3b\x3d\x3f-\x5b\x5d-\x7e]{3,})>?\Z")


class Refinement:
    """Replaces conditions on header fields by the ids of the emails that meet them.

    In a container, only its members are looked at; among others that have to hold with it, only what meets these.
    """

    def __init__(self, kind: DataType[Email], view: View, account: str, container: str | None) -> None:
        self._kind, self._view, self._account, self._container = kind, view, account, container

    def of(self, where: c.Condition, beside: tuple[c.Condition, ...] = ()) -> c.Condition:
        """The condition, without any on header fields."""
        if isinstance(where, c.HeaderIs):
            return c.OneOf(tuple(self._with_header(where, beside)))
        if isinstance(where, c.Every):
            plain = tuple(part for part in where.parts if not _is_about_header(part))
            return c.Every(tuple(self.of(part, (*beside, *plain)) for part in where.parts))
        if isinstance(where, c.Some):
            return c.Some(tuple(self.of(part, beside) for part in where.parts))
        if isinstance(where, c.Nothing):
            return c.Nothing(tuple(self.of(part, beside) for part in where.parts))
        return where

    def _with_header(self, wanted: c.HeaderIs, beside: tuple[c.Condition, ...]) -> list[str]:
        where = c.Every((*beside, c.HasHeader(wanted.name)))
        if self._container is None:
            candidates = [id for id, _ in self._view.select(self._kind, self._account, where, ())]
        else:
            found = self._view.select_members(self._kind, self._account, self._container, where)
            candidates = [id for _, id in found]
        if candidates:
            self._view.take_time()
        needle = (wanted.text or "").casefold()
        out: list[str] = []
        for start in range(0, len(candidates), _CHUNK):
            ids = self._likely(candidates[start : start + _CHUNK], wanted.name.lower(), needle)
            emails = self._view.get_with_deleted(self._kind, self._account, ids).values()
            out += [e.id for e in emails if _has(self._octets(e), wanted.name, needle)]
        return out

    def _octets(self, email: Email) -> bytes:
        return self._view.read_blob(self._account, email.blob_id) or b""

    def _likely(self, ids: Sequence[str], name: str, needle: str) -> Sequence[str]:
        """Those that may match, as far as the listing tells."""
        absent, plain = _LISTED.get(name), _PLAIN_ID.match(needle)
        if absent is None or plain is None:
            return ids
        listings = self._view.parts(self._kind, self._account, ids, "listing")
        word = plain[1].encode("ascii")
        # An empty list, too, may stand for what could not be read.
        unread = (absent, absent.replace(b"null", b"[]"))
        return [id for id in ids if word in (body := listings[id]).lower() or any(u in body for u in unread)]


def _is_about_header(where: c.Condition) -> bool:
    if isinstance(where, c.Every | c.Some | c.Nothing):
        return any(_is_about_header(part) for part in where.parts)
    return isinstance(where, c.HeaderIs)


def _has(data: bytes, name: str, needle: str) -> bool:
    end = data.find(b"\r\n\r\n")
    head = data[: end + 4] if end >= 0 else data
    values = header.find(head, scan(head).root.fields, name, all=True)
    return any(
        needle in header.as_text(value).casefold() or needle in header.as_raw(value).casefold() for value in values
    )
