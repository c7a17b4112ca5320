"""Throws octets at the readers of messages: `python tests/fuzz/fuzz_message.py [rounds] [seed]`.

Each round builds or mutates a message; reading it must not raise, offsets must nest, sizes be exact, results be JSON.
"""

import random
import sys
from pathlib import Path

import msgspec

from pillarbox.formats import message
from pillarbox.formats.message import charset
from pillarbox.formats.message.search_text import body_text, header_text

MOST_CHARACTERS = 1_100_000  # of a message in which a piece is looked for, with what stands between
FOLDER = Path(__file__).parent.parent / "data" / "message"
PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--", b"--b", b"\n--b\n", b"\r\n--b--\r\n", b"\n--a\n", b"\x00",
    b"\xff\xfe", b"\xe2\x82", b"Content-Type: multipart/mixed; boundary=b\n\n",
    b'Content-Type: multipart/digest; boundary="a"\r\n\r\n', b"Content-Type: message/rfc822\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Transfer-Encoding: x-uuencode\n", b"begin 644 a\n#86)C\nend\n", b"=\r", b"= \n", b"=3D=", b"QUJD==QQ",
    b";;;;", b"Content-Type: text/html; charset=utf-7\n\n", b"+2AA-",
    b"Content-Type: text/plain; charset=iso-2022-jp\n\n", b"\x1b$B",
    b"Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1*=%82%ac\n", b"=?utf-8?b?w6?= ", b"=?x?q?",
    b"<", b">", b'"', b"\\", b"(", b")", b":", b";", b",", b"@", b"From: ", b"To: g: a@b, ",
    b"Date: 1 Jan 2020 10:00", b"<!--", b"<script", b"&#", b"References: <a@b> ", b"\n \n\t",
    b"From x Sat Mar  9 08:05:01 2024\n",
]  # fmt: skip
FORMS = (
    message.as_raw,
    message.as_text,
    message.as_addresses,
    message.as_grouped_addresses,
    message.as_message_ids,
    message.as_date,
    message.date_utc,
    message.as_urls,
)
LIMITS = message.ScanLimits(depth=4, parts=20, fields=40, field_octets=200, parameters=4)


def seeds() -> list[bytes]:
    """The messages of the data cases."""
    return [path.read_bytes() for path in sorted(FOLDER.glob("*.eml"))]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a few places: other octets, pieces with a meaning, cuts, doublings."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(changed) + 1)
        act = chance.randrange(5)
        if act == 0:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        elif act in {1, 2}:
            changed[at:at] = chance.choice(PIECES)
        elif act == 3:
            del changed[at : at + chance.randrange(64)]
        else:
            changed[at:at] = changed[at : at + 200]
    return bytes(changed)


def invent(chance: random.Random) -> bytes:
    """A message of nothing but pieces."""
    return b"".join(chance.choice(PIECES) for _ in range(chance.randrange(60)))


def check(data: bytes, limits: message.ScanLimits) -> None:
    """Read one message in every way."""
    structure = message.scan(data, limits)
    assert set(structure.defects) <= message.DEFECTS
    assert msgspec.json.decode(msgspec.json.encode(structure), type=message.Structure) == structure
    for part in structure.parts():
        check_part(data, part)
    bodies = message.select_bodies(structure.root)
    listed = message.listing(data, structure, bodies)
    indexed = message.index_text(data, structure, 10_000, listed, bodies)
    assert len(listed.preview) <= 256
    assert sum(len(text) for text in msgspec.structs.astuple(indexed)) <= 10_000 + indexed.body.count("\n")
    msgspec.json.encode([listed, indexed])
    for text in (header_text, body_text):
        assert len(text(lambda start, end: data[start:end], structure)) <= MOST_CHARACTERS


def check_part(data: bytes, part: message.Part) -> None:
    """The offsets and the content of one part."""
    assert 0 <= part.header_start <= part.header_end <= part.body_start <= part.body_end <= len(data)
    assert (part.part_id is None) == part.is_multipart
    end = part.body_start
    for child in part.sub_parts:
        assert end <= child.header_start <= child.body_end <= part.body_end
        end = child.body_end
    for field in part.fields:
        value = data[field.value : field.end]
        assert data[field.start : field.start + len(field.name)] == field.name.encode()
        msgspec.json.encode([form(value) for form in FORMS])
    if not part.is_multipart:
        blob = message.parse_blob_id(message.part_blob_id("b1", part) or "")
        assert blob is not None
        assert message.decode_octets(data, part) == message.read_slice(data, blob[1])
        assert len(message.decode_octets(data, part)) == part.size
        msgspec.json.encode([message.decode_text(data, part), message.decode_text(data, part, 7)])


def check_charsets(data: bytes, chance: random.Random) -> None:
    """The same octets under some label."""
    label = chance.choice(["utf-7", "utf-16", "hz", "iso-2022-kr", "gb2312", "big5", "x-unknown", "ks_c_5601-1987", ""])
    msgspec.json.encode([charset.decode_charset(data, label), charset.decode_charset(data[:50], label, whole=False)])


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    known = seeds()
    for number in range(rounds):
        data = invent(chance) if number % 4 == 0 else mutate(chance.choice(known), chance)
        check(data, LIMITS if number % 3 == 0 else message.ScanLimits())
        check_charsets(data[:200], chance)
        message.html_to_text(data.decode("latin-1"))


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "10000", "1"][:2]))
