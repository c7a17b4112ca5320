"""Carries out what a stage wants of a message: fields of the header put in, replaced, taken out; all else untouched.

Sections: RFC 5322 §2.1.1, §2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.formats.message.draft import DraftField, Raw
from pillarbox.formats.message.field import field_to_bytes
from pillarbox.formats.message.header_block import read_block
from pillarbox.servers.smtp.stage import AddField, Changes, Envelope, Passed, SetField

# A message with more, or with larger ones, is changed as if what is past these were body.
_MOST_FIELDS = 10_000
_MOST_OCTETS = 1_000_000
_Piece = tuple[str, bytes]  # a field: its name in lower case, and its octets with the line end


def changed(passed: Passed, changes: Changes) -> Passed:
    """The message and its envelope as a stage wants them. Raises ValueError for a name that no field can have."""
    content, envelope = passed.content, passed.envelope
    data = changed_data(content.data, changes)
    if data is not content.data:
        content = type(content)(data=data, fields=content.fields, verdicts=content.verdicts)
    if changes.more_recipients or changes.fewer_recipients:
        envelope = _with_recipients(envelope, changes)
    return Passed(envelope, content, changes.junk or passed.junk, passed.is_discarded or changes.is_discarded)


def changed_data(data: bytes, changes: Changes) -> bytes:
    """The octets of a message, changed; the same object when nothing of them is."""
    if not changes.fields and changes.body is None:
        return data
    block = read_block(data, 0, _MOST_FIELDS, _MOST_OCTETS)
    starts = [*(field.start for field in block.fields), block.end]
    pieces = [
        (field.name.lower(), _whole(data[start:end]))
        for field, start, end in zip(block.fields, starts, starts[1:], strict=False)
    ]
    lead = data[: starts[0]]
    pieces = _edited(pieces, changes.fields)
    # A header that was ended by no empty line gets one: what follows was body, and stays body.
    between = data[block.end : block.body_start] or b"\r\n"
    body = data[block.body_start :] if changes.body is None else changes.body
    return b"".join([lead, *(octets for _, octets in pieces), between, body])


def _edited(pieces: list[_Piece], changes: Sequence[AddField | SetField]) -> list[_Piece]:
    for change in changes:
        name = change.name.lower()
        if isinstance(change, AddField):
            place = len(pieces) if change.place is None else min(change.place, len(pieces))
            pieces.insert(place, (name, _field(change.name, change.value)))
            continue
        places = [place for place, piece in enumerate(pieces) if piece[0] == name]
        if 0 < change.number <= len(places):
            place = places[change.number - 1]
            pieces[place : place + 1] = [] if change.value is None else [(name, _field(change.name, change.value))]
        elif change.value is not None:  # what is not there is put in, as milters are used to
            pieces.append((name, _field(change.name, change.value)))
    return pieces


def _whole(octets: bytes) -> bytes:
    """A field with its line end, which the last octets of a message may lack."""
    return octets if octets.endswith(b"\n") else octets + b"\r\n"


def _field(name: str, value: str) -> bytes:
    """The field with its CRLF. Line ends in the value become folds, so that none can begin another field."""
    return field_to_bytes(DraftField(name, Raw(value if value[:1] in " \t\r\n" and value else f" {value}")))


def _with_recipients(envelope: Envelope, changes: Changes) -> Envelope:
    fewer = set(changes.fewer_recipients)
    kept = [to for to in envelope.recipients if to.recipient not in fewer]
    known = {to.recipient for to in kept}
    more = [to for to in changes.more_recipients if to.recipient not in known]
    return Envelope(id=envelope.id, sender=envelope.sender, parameters=envelope.parameters, recipients=(*kept, *more))
