"""The fixed parts `fields` and `more-fields`: header fields as clients of IMAP ask for them in lists, octet for octet.

RFC 9051 §6.4.5.1, HEADER.FIELDS. What a client shows of a mailbox that it opens is made of a few fields, the same ones
each time; told from here, no message is read for it. `fields` is short, and read of many messages in a row; what does
not fit there, and what is long by nature, is in `more-fields`.

The octets are `head NUL run NUL run ...` and `run NUL run ...`. A run is one field, or some of one name between which
no other of these stands. The head is an octet for how many of `NAMES` were known when it was written, then one for each
run in the order of the message: which name, and in which part. Names whose fields are too long, or hold a NUL, follow
as left out. `fields` is stored with a message, `more-fields` and what messages of before lack when it is first missed.
"""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.formats.message.structure import Field

FIELDS, MORE = "fields", "more-fields"
# Thunderbird, Apple Mail, K-9, mutt, Evolution, Roundcube and mbsync ask for these. Stored heads name them by their
# place here, of 64: add at the end, change nothing else.
NAMES = (
    "date",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "content-type",
    "priority",
    "x-priority",
    "newsgroups",
    "content-description",
    "lines",
    "x-label",
    "x-original-to",
    "list-id",
    "list-post",
    "list-unsubscribe",
    "disposition-notification-to",
    "x-uniform-type-identifier",
    "x-universally-unique-identifier",
    "x-k9mail-identity",
    "chat-version",
    "x-tuid",
    "bimi-location",
    "x-bimi-indicator-hash",
    "bimi-indicator",
    "received",
    "authentication-results",
    "dkim-signature",
)
CODES = {name: code for code, name in enumerate(NAMES)}
SEPARATOR = b"\0"
CODE, PLACE = 0x3F, 0xC0  # the bits of an octet of a head
SHORT, LONG, NOWHERE = 0x40, 0x80, 0xC0  # in `fields`, in `more-fields`, left out
_LONG = frozenset(CODES[name] for name in ("bimi-indicator", "received", "authentication-results", "dkim-signature"))
_SHORT_OCTETS = 900  # of the short part: a longer row would have a page of its own
_LONG_OCTETS = 3_900  # of the long one: a page


def header_parts(header: bytes, fields: Sequence[Field]) -> dict[str, bytes]:
    """The parts of a message whose header these octets are, and these are its fields, by name."""
    runs: list[tuple[int, bytes]] = []
    for field in fields:
        code = CODES.get(field.name.lower())
        if code is not None:
            octets = field_octets(header, field)
            if runs and runs[-1][0] == code:
                runs[-1] = (code, runs[-1][1] + octets)
            else:
                runs.append((code, octets))
    places = _places(runs)
    short = [octets for code, octets in runs if places[code] == SHORT]
    long = [octets for code, octets in runs if places[code] == LONG]
    order = [places[code] | code for code, _ in runs if places[code] != NOWHERE]
    missing = sorted(NOWHERE | code for code, place in places.items() if place == NOWHERE)
    parts = {FIELDS: SEPARATOR.join([bytes([len(NAMES), *order, *missing]), *short])}
    return {**parts, MORE: SEPARATOR.join(long)} if long else parts


def field_octets(header: bytes, field: Field) -> bytes:
    """A field as it stands in a header, its line end included; CRLF where the header lacks one."""
    line_end = header.find(b"\n", field.end)
    return header[field.start : line_end + 1] if line_end >= 0 else header[field.start : field.end] + b"\r\n"


def is_sound(stored: bytes) -> bool:
    """Whether octets have the form of `fields`."""
    head, *runs = stored.split(SEPARATOR)
    shorts = [octet for octet in head[1:] if octet & PLACE == SHORT]
    return bool(head) and len(shorts) == len(runs) and all(octet & PLACE for octet in head[1:])


def _places(runs: Sequence[tuple[int, bytes]]) -> dict[int, int]:
    """Where the fields of each name go: the longest ones where there is more room, or nowhere."""
    sizes: dict[int, int] = {}
    for code, octets in runs:
        sizes[code] = sizes.get(code, 0) + len(octets) + 2
    places = {code: LONG if code in _LONG else SHORT for code in sizes}
    places.update((code, NOWHERE) for code, octets in runs if SEPARATOR in octets)
    for place, room, other in ((SHORT, _SHORT_OCTETS, LONG), (LONG, _LONG_OCTETS, NOWHERE)):
        total = sum([size for code, size in sizes.items() if places[code] == place])
        while total > room:
            size, code = max((size, code) for code, size in sizes.items() if places[code] == place)
            places[code] = other
            total -= size
    return places
