import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.formats.message import Part, ScanLimits, decode_text, index_text, listing, scan, select_bodies

DATA = Path(__file__).parents[2] / "data" / "message"
CASES = sorted(path.stem for path in DATA.glob("*.eml"))


def tree(part: Part) -> dict[str, Any]:
    if part.is_multipart:
        return {"type": part.type, "subParts": [tree(each) for each in part.sub_parts]}
    shown: dict[str, Any] = {"partId": part.part_id, "type": part.type, "size": part.size}
    for name in ("charset", "disposition", "name", "cid"):
        if getattr(part, name) not in {None, "us-ascii"}:
            shown[name] = getattr(part, name)
    return shown


def ids(parts: list[Part]) -> list[str | None]:
    return [part.part_id for part in parts]


@pytest.mark.parametrize("case", CASES)
def test_a_message_is_read_as_its_case_says(case: str) -> None:
    data = (DATA / f"{case}.eml").read_bytes()
    expected = json.loads((DATA / f"{case}.json").read_text("utf-8"))
    structure = scan(data)
    bodies = select_bodies(structure.root)
    listed = msgspec.to_builtins(listing(data, structure, bodies))
    texts = {part.part_id: decode_text(data, part) for part in structure.leaves() if part.type.startswith("text/")}

    assert {
        "defects": structure.defects,
        "structure": tree(structure.root),
        "textBody": ids(bodies.text_body),
        "htmlBody": ids(bodies.html_body),
        "attachments": ids(bodies.attachments),
        "values": {key: [text.value, text.is_encoding_problem] for key, text in texts.items()},
        "listing": {key: value for key, value in listed.items() if value not in (None, False, "")},
        "index": index_text(data, structure).body,
    } == expected


@pytest.mark.parametrize("case", CASES)
def test_a_structure_survives_being_stored_as_json(case: str) -> None:
    structure = scan((DATA / f"{case}.eml").read_bytes())

    assert msgspec.json.decode(msgspec.json.encode(structure), type=type(structure)) == structure


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_line_ends_do_not_change_what_is_found(line_end: bytes) -> None:
    data = b"A: 1\n folded\nContent-Type: multipart/mixed; boundary=b\n\n--b\nB: 2\n\ntext\n--b--\n".replace(
        b"\n", line_end
    )
    structure = scan(data)
    (leaf,) = structure.root.sub_parts

    assert [field.name for field in structure.root.fields] == ["A", "Content-Type"]
    assert data[structure.root.fields[0].value : structure.root.fields[0].end] == b" 1" + line_end + b" folded"
    assert data[leaf.body_start : leaf.body_end] == b"text"
    assert data[leaf.header_start : leaf.header_end] == b"B: 2" + line_end


def test_multiparts_nested_past_the_limit_become_one_opaque_part() -> None:
    data = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2000))
    structure = scan(data)

    assert "tooDeep" in structure.defects
    assert [part.type for part in structure.leaves()] == ["application/octet-stream"]
    assert sum(1 for _ in structure.parts()) == 101
    assert select_bodies(structure.root).attachments == list(structure.leaves())


def test_parts_past_the_limit_become_one_opaque_part() -> None:
    data = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50
    structure = scan(data, ScanLimits(parts=10))
    leaves = list(structure.leaves())

    assert structure.defects == ["tooManyParts"]
    assert len(leaves) == 10
    assert leaves[-1].type == "application/octet-stream"
    assert leaves[-1].body_end == len(data)


def test_fields_past_the_limits_are_left_out_and_the_body_is_found() -> None:
    data = b"".join(b"X-%d: v\n" % n for n in range(50)) + b"Long: " + b"y" * 500 + b"\n\nbody"
    structure = scan(data, ScanLimits(fields=20))

    assert structure.defects == ["tooManyFields"]
    assert len(structure.root.fields) == 20
    assert data[structure.root.body_start : structure.root.body_end] == b"body"
    assert scan(data, ScanLimits(field_octets=100)).defects == ["oversizedField"]


def test_an_attached_message_is_a_leaf() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n--c--"
    data = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--\n"
    (leaf,) = scan(data).root.sub_parts

    assert (leaf.type, leaf.part_id, leaf.sub_parts) == ("message/rfc822", "1", [])
    assert data[leaf.body_start : leaf.body_end] == inner


@pytest.mark.parametrize(
    "piece",
    [
        b"\n--b",
        b"\n--bx\n",
        b"\n--b \t",
        b"x: \n ",
        b"\n \n",
        b"--b\nContent-Type: multipart/mixed; boundary=b\n\n",
        b"From a 10:10\n",
        b"=\r",
        b"= \t",
        b"Content-Type: a/b;" + b";" * 40,
        b'; x="\\"',
    ],
)
@pytest.mark.parametrize("encoding", [b"7bit", b"base64", b"quoted-printable"])
def test_hostile_repetition_is_read_to_its_end(piece: bytes, encoding: bytes) -> None:
    # In quadratic time one of these would take minutes.
    head = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: " + encoding + b"\n"
    for between in (b"\n", b"", b"Content-Type: text/plain; "):
        data = head + between + piece * (200_000 // len(piece))
        structure = scan(data)
        assert structure.root.body_end == len(data)
        assert sum(1 for _ in structure.parts()) <= 1001
