"""Throws octets at what IMAP shows of messages: `python tests/fuzz/fuzz_imap_part.py [rounds] [seed]`.

Whatever the message, ENVELOPE, BODY and BODYSTRUCTURE must be read back as lists of the right shape, in ASCII for
sessions without UTF-8; a listing that was read before must change nothing; parts must have the octets they are said to.
"""

import random
import sys
from typing import Any

from pillarbox.datatypes.email.imap_part import imap_part, is_sound, read_part
from pillarbox.datatypes.email.imap_path import octets_of
from pillarbox.datatypes.email.imap_section import Sections, UnknownEncoding
from pillarbox.formats import message
from pillarbox.wire.imap.body_structure import body, body_structure
from pillarbox.wire.imap.fetch_item import Binary, BinarySize, Section
from tests.fuzz.fuzz_message import invent, mutate, seeds
from tests.support.imap_list import read_list
from tests.support.imap_part_path import shown_parts

ADDRESSES = 6
SEVEN = 7


def check(data: bytes) -> None:
    """Show one message in every way."""
    structure = message.scan(data)
    stored = imap_part(data, structure)
    assert stored == imap_part(data, structure, message.listing(data, structure))
    assert is_sound(stored)
    for is_utf8 in (False, True):
        shown = read_part(stored, is_utf8=is_utf8)
        assert is_utf8 or stored.isascii() or (shown.envelope.isascii() and shown.body.isascii())
        check_envelope(read_list(shown.envelope))
        parts = read_list(body_structure(shown.body))
        check_body(parts, is_extended=True)
        check_octets(data, structure, parts)
        check_body(read_list(body(shown.body)), is_extended=False)


def check_octets(data: bytes, structure: message.Structure, parts: Any) -> None:
    """Each part that is shown can be had, and has the size that is shown; the decoded one as well."""
    found = Sections(octets_of(data), structure)
    for path, part in shown_parts(parts):
        octets = found.section(Section(path))
        assert octets is not None
        assert isinstance(part[0], list) or len(octets) == part[6]
        assert octets[1:4] == found.section(Section(path, partial=(1, 3)))
        try:
            decoded = found.binary(Binary(path))
        except UnknownEncoding:
            continue
        assert decoded is not None
        assert len(decoded) == found.binary_size(BinarySize(path))


def check_envelope(envelope: object) -> None:
    """Ten members, of which six are lists of addresses."""
    assert isinstance(envelope, list)
    assert len(envelope) == 10
    for addresses in envelope[2 : 2 + ADDRESSES]:
        assert addresses is None or (addresses and all(len(each) == 4 for each in addresses))


def check_body(part: object, *, is_extended: bool) -> None:
    """Fields in their places; what depends on the type is there."""
    assert isinstance(part, list)
    if isinstance(part[0], list):
        parts = [each for each in part if isinstance(each, list)]
        count = next(at for at, each in enumerate(part) if not isinstance(each, list))
        assert len(part) == count + (5 if is_extended else 1), part
        for each in parts[:count]:
            check_body(each, is_extended=is_extended)
        return
    length = SEVEN
    assert isinstance(part[6], int)
    if part[0] == b"TEXT":
        length = 8
    elif part[0] == b"MESSAGE" and part[1] in {b"RFC822", b"GLOBAL"}:
        length = 10
        check_envelope(part[7])
        check_body(part[8], is_extended=is_extended)
    assert len(part) == length + (4 if is_extended else 0), part


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    known = seeds()
    for number in range(rounds):
        check(invent(chance) if number % 4 == 0 else mutate(chance.choice(known), chance))


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "10000", "1"][:2]))
