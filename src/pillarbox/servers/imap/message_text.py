"""The text of stored messages, folded as it is compared (RFC 9051 §6.4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import View
from pillarbox.formats.message.collation import search_key
from pillarbox.formats.message.search_text import Octets, body_text, header_text
from pillarbox.formats.message.structure import Part, Structure

_STEP = 200  # messages that are asked for at a time
_WHOLE = 262_144  # octets; of a message with more, only what is text is read
_QUICK_OCTETS = 64_000  # a twentieth of a second at the worst; more is read in a thread
_NOTHING = Structure(Part("text/plain"))
_structure = msgspec.json.Decoder(Structure).decode


class MessageText:
    """The texts of a message, as search keys; each is read when it is asked for."""

    __slots__ = ("_octets", "_structure")

    def __init__(self, octets: Octets, structure: Structure) -> None:
        self._octets, self._structure = octets, structure

    @property
    def head(self) -> str:
        """The header fields."""
        return search_key(header_text(self._octets, self._structure))

    @property
    def body(self) -> str:
        """What can be read of the body."""
        return search_key(body_text(self._octets, self._structure))


def message_texts(view: View, account: str, items: Sequence[str]) -> Iterator[MessageText]:
    """The texts of emails by id, in their order; empty ones for an email that is gone."""
    for start in range(0, len(items), _STEP):
        step = items[start : start + _STEP]
        emails = view.get_with_deleted(EMAIL, account, step)
        structures = view.parts(EMAIL, account, step, "structure")
        if sum(email.size for email in emails.values()) > _QUICK_OCTETS:
            view.take_time()
        for item in step:
            email, stored = emails.get(item), structures.get(item)
            if email is None or stored is None:
                yield MessageText(lambda _start, _end: b"", _NOTHING)
            else:
                yield MessageText(_octets(view, account, email), _structure(stored))


def _octets(view: View, account: str, email: Email) -> Octets:
    if email.size > _WHOLE:
        return partial(_range, view, account, email.blob_id)
    data = view.read_blob(account, email.blob_id) or b""
    return lambda start, end: data[start:end]


def _range(view: View, account: str, blob: str, start: int, end: int) -> bytes:
    return view.read_blob_range(account, blob, start, end) or b""
