"""The fixed part `imap`: what FETCH tells of a message as ENVELOPE, BODY and BODYSTRUCTURE, printed at delivery.

RFC 9051 §7.5.2. It is no JSON: answers are joined of stored octets. `ENVELOPE NUL body`, where the body has its marks
(`wire/imap/body_structure.py`). For a message with text outside of ASCII in its headers there follow two NUL and the
same again, as sessions see it that asked for UTF-8 (RFC 6855 §3); others see encoded words there, never raw octets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pillarbox.datatypes.email.imap_body import show_body
from pillarbox.datatypes.email.imap_envelope import show_envelope
from pillarbox.datatypes.email.imap_spelling import Spelling
from pillarbox.formats.message.listing import Listing
from pillarbox.formats.message.structure import Structure
from pillarbox.wire.imap.body_structure import MARK
from pillarbox.wire.imap.response import to_bytes

NAME = "imap"
_MARK = MARK.encode()
_OTHER = _MARK * 2  # no extension is empty, nor is what stands between two of them


class Shown(NamedTuple):
    """An envelope, and the parts as `body` and `body_structure` of `wire/imap/body_structure.py` take them."""

    envelope: bytes
    body: bytes


def imap_part(data: bytes, structure: Structure, listed: Listing | None = None) -> bytes:
    """The octets of the part for a message. `listed` spares reading most addresses again."""
    plain = Spelling(is_utf8=False)
    shown = _show(data, structure, plain, listed)
    if plain.is_ascii:
        return to_bytes(shown)
    return to_bytes(shown + MARK * 2 + _show(data, structure, Spelling(is_utf8=True), listed))


def read_part(stored: bytes, *, is_utf8: bool) -> Shown:
    """What a session is shown, from the octets of the part."""
    envelope, _, body = seen_by([stored], is_utf8=is_utf8)[0].partition(_MARK)
    return Shown(envelope, body)


def seen_by(stored: Iterable[bytes], *, is_utf8: bool) -> list[bytes]:
    """What a session sees of many messages: `ENVELOPE NUL body` of each."""
    if is_utf8:
        return [octets if (at := octets.rfind(_OTHER)) < 0 else octets[at + 2 :] for octets in stored]
    return [octets if (at := octets.rfind(_OTHER)) < 0 else octets[:at] for octets in stored]


def is_sound(stored: bytes) -> bool:
    """Whether octets have the form of the part."""
    sessions = stored.split(_OTHER)
    return len(sessions) <= 2 and all(map(_is_whole, sessions))


def _is_whole(shown: bytes) -> bool:
    envelope, *pieces = shown.split(_MARK)
    parenthesised = all(text.startswith(b"(") and text.endswith(b")") for text in (envelope, b"".join(pieces)))
    return parenthesised and len(pieces) >= 3 and len(pieces) % 2 == 1


def _show(data: bytes, structure: Structure, spelling: Spelling, listed: Listing | None) -> str:
    envelope = show_envelope(data, structure.root.fields, spelling, listed)
    return f"{envelope}{MARK}{show_body(data, structure, spelling)}"
