"""What FETCH prints of envelopes and bodies of many messages is what it prints of each."""

from itertools import chain, combinations
from pathlib import Path

import pytest

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.imap_part import NAME, read_part
from pillarbox.servers.imap.fetch_parts import ITEMS, joined, part_texts, woven
from pillarbox.wire.imap.body_structure import body, body_structure
from pillarbox.wire.imap.fetch_item import Plain
from tests.support.mail_house import House, house

__all__ = ["house"]

DATA = Path(__file__).parents[2] / "data"
MESSAGES = [path.read_bytes() for path in sorted((DATA / "imap").glob("*.eml"))]
SUBSETS = [*chain.from_iterable(combinations(ITEMS, count) for count in (1, 2, 3))]


def told(stored: bytes, items: tuple[Plain, ...], *, is_utf8: bool) -> bytes:
    shown = read_part(stored, is_utf8=is_utf8)
    values = {
        Plain.ENVELOPE: shown.envelope,
        Plain.BODY: body(shown.body),
        Plain.BODYSTRUCTURE: body_structure(shown.body),
    }
    return b" ".join([b"%b %b" % (item.value.encode(), values[item]) for item in ITEMS if item in items])


@pytest.fixture
def ids(house: House) -> list[str]:
    """So many that they are read as a run, with and without text outside of ASCII."""
    assert len(MESSAGES) > 32 // 4
    return [house.add(data) for data in MESSAGES * 4]


@pytest.mark.parametrize("is_utf8", [False, True])
@pytest.mark.parametrize("items", SUBSETS, ids=lambda items: "+".join(item.value for item in items))
def test_any_items_are_told_as_alone_and_in_one_order(
    house: House, ids: list[str], items: tuple[Plain, ...], *, is_utf8: bool
) -> None:
    with house.store.snapshot() as view:
        stored = view.parts(EMAIL, "a1", ids, NAME)
        expected = [told(stored[id], items, is_utf8=is_utf8) for id in ids]
        for asked in (items, items[::-1]):
            name, texts = part_texts(view, "a1", ids, asked, is_utf8=is_utf8)
            assert [joined([f"{name} ".encode(), text]) for text in texts] == expected


def test_sessions_differ_where_a_header_has_more_than_ascii(house: House, ids: list[str]) -> None:
    with house.store.snapshot() as view:
        plain, other = (part_texts(view, "a1", ids, ITEMS, is_utf8=is_utf8)[1] for is_utf8 in (False, True))
    assert all(text.isascii() for text in plain)
    assert any(not text.isascii() for text in other)


def test_messages_without_a_printed_part_are_told_the_same_among_others(house: House, ids: list[str]) -> None:
    items = (Plain.ENVELOPE, Plain.BODYSTRUCTURE)
    with house.store.snapshot() as view:
        before = part_texts(view, "a1", ids, items, is_utf8=False)
    for id in (ids[0], ids[3], ids[-1]):
        house.store.write(lambda tx, one=id: tx.db.run("DELETE FROM ordered_part WHERE id = ?", (one,)))  # type: ignore[misc]
    with house.store.snapshot() as view:
        assert part_texts(view, "a1", ids, items, is_utf8=False) == before
        assert part_texts(view, "a1", ids[::-1], items, is_utf8=False) == (before[0], before[1][::-1])


def test_responses_are_woven_of_starts_and_texts() -> None:
    assert woven([b"* 1 (A ", b"* 2 (A "], [b"x\0y\0", b""], b")\r\n") == b"* 1 (A xy)\r\n* 2 (A )\r\n"
