"""ENVELOPE, BODY and BODYSTRUCTURE of many messages, as they stand in the answer of a FETCH (RFC 9051 §7.5.2).

A message's text is the value of the first of these items, then the names and values of the others, in the order of
`ITEMS`: whose order a client does not choose. A BODYSTRUCTURE keeps its marks, which `joined` takes out of all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from pillarbox.datatypes.email import imap_part
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.imap_reading import MessageReading
from pillarbox.datatypes.view import View
from pillarbox.wire.imap.body_structure import MARK, body, body_structure
from pillarbox.wire.imap.fetch_item import Plain

ITEMS = (Plain.ENVELOPE, Plain.BODY, Plain.BODYSTRUCTURE)
_MARK = MARK.encode()
_STRUCTURE = b" BODYSTRUCTURE "
_VALUES: Mapping[Plain, Callable[[tuple[bytes, bytes, bytes]], bytes]] = {
    Plain.ENVELOPE: lambda pair: pair[0],
    Plain.BODY: lambda pair: body(pair[2]),
    Plain.BODYSTRUCTURE: lambda pair: pair[2],
}


def part_texts(
    view: View, account: str, ids: Sequence[str], items: Collection[Plain], *, is_utf8: bool
) -> tuple[str, list[bytes]]:
    """The name of the first item, and the text of each of these emails."""
    stored = view.parts(EMAIL, account, ids, imap_part.NAME)
    if len(stored) < len(ids) and (missing := [id for id in ids if id not in stored]):
        # They came before this was printed at delivery.
        reading = MessageReading(view, account, view.get_with_deleted(EMAIL, account, missing))
        stored |= {id: reading.imap_part(id) for id in missing}
    wanted = [item for item in ITEMS if item in items]
    return wanted[0].value, _texts(imap_part.seen_by(map(stored.__getitem__, ids), is_utf8=is_utf8), wanted)


def joined(texts: Sequence[bytes]) -> bytes:
    """Responses joined, without the marks that are left in them."""
    return body_structure(b"".join(texts))


def woven(starts: Sequence[bytes], texts: Sequence[bytes], end: bytes) -> bytes:
    """Responses joined, each of its start, its text and the end of all."""
    pieces = [end] * (3 * len(starts))
    pieces[::3] = starts
    pieces[1::3] = texts
    return joined(pieces)


def _texts(shown: Sequence[bytes], wanted: Sequence[Plain]) -> list[bytes]:
    if wanted == [Plain.ENVELOPE, Plain.BODYSTRUCTURE]:  # what most clients ask for
        return [octets.replace(_MARK, _STRUCTURE, 1) for octets in shown]
    pairs = [octets.partition(_MARK) for octets in shown]
    columns = [[_VALUES[item](pair) for pair in pairs] for item in wanted]
    if len(columns) == 1:
        return columns[0]
    form = b"%b" + b"".join([b" %b %%b" % item.value.encode() for item in wanted[1:]])
    return [form % values for values in zip(*columns, strict=True)]
