"""Header fields that are stored beside messages are those of the message, or said to be left out."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given, settings

from pillarbox.datatypes.email import header_part as h
from pillarbox.datatypes.email.reading import read_message
from pillarbox.formats.message import scan
from tests.support.odd_header import headers

DATA = Path(__file__).parents[2] / "data"
MESSAGES = [*sorted((DATA / "imap").glob("*.eml")), *sorted((DATA / "message").glob("*.eml"))]


def parts_of(data: bytes) -> dict[str, bytes]:
    root = scan(data).root
    return h.header_parts(data[: root.body_start], root.fields)


def read(parts: dict[str, bytes]) -> tuple[list[tuple[str, bytes]], set[str]]:
    """The stored runs in the order of the message, by name, and the names that are left out."""
    head, *short = parts[h.FIELDS].split(h.SEPARATOR)
    long = parts[h.MORE].split(h.SEPARATOR) if h.MORE in parts else []
    assert head[0] == len(h.NAMES)
    runs, left_out = [], set()
    for octet in head[1:]:
        name, place = h.NAMES[octet & h.CODE], octet & h.PLACE
        if place == h.NOWHERE:
            left_out.add(name)
        else:
            runs.append((name, (short if place == h.SHORT else long).pop(0)))
    assert not short
    assert not long
    return runs, left_out


def expected(data: bytes, left_out: set[str]) -> list[tuple[str, bytes]]:
    root = scan(data).root
    named = [(field.name.lower(), h.field_octets(data[: root.body_start], field)) for field in root.fields]
    return [(name, octets) for name, octets in named if name in h.CODES and name not in left_out]


def in_runs(fields: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(name, b"".join([octets for _, octets in run])) for name, run in groupby(fields, itemgetter(0))]


@settings(max_examples=300, deadline=None)
@given(headers())
def test_what_is_stored_of_any_header_is_what_stands_in_it(header: bytes) -> None:
    data = header + b"the body\r\n"
    parts = parts_of(data)
    runs, left_out = read(parts)

    assert in_runs(runs) == in_runs(expected(data, left_out))
    assert h.is_sound(parts[h.FIELDS])
    assert len(parts[h.FIELDS]) <= 1_000
    assert len(parts.get(h.MORE, b"")) <= 4_000


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_the_short_ones_are_stored_with_a_message_that_comes(path: Path) -> None:
    data = path.read_bytes()
    stored = read_message(data).parts

    assert stored[h.FIELDS] == parts_of(data)[h.FIELDS]
    assert h.MORE not in stored


def test_fields_that_are_long_by_nature_are_in_the_other_part() -> None:
    parts = parts_of(b"Received: a\r\nReceived: b\r\nX-A: x\r\nReceived: c\r\nSubject: s\r\nDKIM-Signature: d\r\n\r\n")

    assert parts[h.FIELDS].split(h.SEPARATOR)[1:] == [b"Subject: s\r\n"]
    # Between the Received nothing stands that is stored.
    assert parts[h.MORE].split(h.SEPARATOR) == [
        b"Received: a\r\nReceived: b\r\nReceived: c\r\n",
        b"DKIM-Signature: d\r\n",
    ]


def test_the_longest_fields_give_way_to_the_others() -> None:
    references = b"References:" + b" <%b@example.org>\r\n" % (b"r" * 1_000)
    to = b"To: " + b"t" * 5_000 + b"\r\n"
    runs, left_out = read(parts_of(references + to + b"Subject: s\r\n\r\n"))

    assert left_out == {"to"}
    assert runs == [("references", references), ("subject", b"Subject: s\r\n")]


def test_fields_with_nul_are_left_out_with_others_of_their_name() -> None:
    runs, left_out = read(parts_of(b"To: a\r\nTo: b\0\r\nSubject: s\r\n\r\n"))

    assert left_out == {"to"}
    assert runs == [("subject", b"Subject: s\r\n")]


def test_a_message_without_a_header_has_a_head_alone() -> None:
    assert parts_of(b"\r\nbody") == {h.FIELDS: bytes([len(h.NAMES)])}


def test_the_table_of_names_fits_into_heads() -> None:
    assert len(h.NAMES) == len(set(h.NAMES)) <= h.CODE
    assert all(name == name.lower() for name in h.NAMES)
    # Stored heads tell names by their place.
    assert h.NAMES[:8] == ("date", "from", "sender", "reply-to", "to", "cc", "bcc", "subject")
    assert h.NAMES[30:34] == ("bimi-indicator", "received", "authentication-results", "dkim-signature")


@pytest.mark.parametrize("octets", [b"", b"\x22\x40", b"\x22\0x", b"\x22\x01\0x", b"()"])
def test_other_octets_are_not_sound(octets: bytes) -> None:
    assert not h.is_sound(octets)
