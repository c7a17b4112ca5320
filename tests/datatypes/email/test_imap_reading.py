from collections.abc import Sequence

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.imap_part import NAME
from pillarbox.datatypes.email.imap_reading import MessageReading
from pillarbox.wire.imap.fetch_item import Binary, BinarySize, FetchItem, Preview, Section
from tests.support.mail_house import House, message

LARGE = b"From: a@example.org\r\nSubject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 20_000


def answers(house: House, ids: Sequence[str], *items: FetchItem, is_utf8: bool = False) -> list[bytes]:
    with house.store.snapshot() as view:
        reading = MessageReading(view, "a1", view.get_many(EMAIL, "a1", ids))
        return [reading.answer(id, item, is_utf8=is_utf8) for id in ids for item in items]


def test_an_answer_has_the_name_that_was_asked_for_and_a_literal(house: House) -> None:
    id = house.add(message("Hello", "Some words."))

    assert answers(
        house,
        [id],
        Section(what="HEADER.FIELDS", fields=("Subject",), is_peek=True),
        Section((1,)),
        Section((1,), partial=(5, 5)),
        Section(what="TEXT", label="RFC822.TEXT"),
        Section((2,)),
        Section((1,), partial=(100, 5)),
        Binary((1,)),
        BinarySize((1,)),
    ) == [
        b"BODY[HEADER.FIELDS (Subject)] {18}\r\nSubject: Hello\r\n\r\n",
        b"BODY[1] {13}\r\nSome words.\r\n",
        b"BODY[1]<5> {5}\r\nwords",
        b"RFC822.TEXT {13}\r\nSome words.\r\n",
        b"BODY[2] NIL",
        b'BODY[1]<100> ""',
        b"BINARY[1] {13}\r\nSome words.\r\n",
        b"BINARY.SIZE[1] 13",
    ]


def test_several_messages_are_read_one_after_the_other(house: House) -> None:
    ids = [house.add(message(f"Number {number}")) for number in range(3)]

    assert answers(house, ids, Section(what="HEADER.FIELDS", fields=("Subject",)), Section((1,), "MIME")) == [
        answer
        for number in range(3)
        for answer in (
            b"BODY[HEADER.FIELDS (Subject)] {21}\r\nSubject: Number %d\r\n\r\n" % number,
            answers(house, [ids[number]], Section((1,), "MIME"))[0],
        )
    ]


def test_messages_that_share_their_octets_or_follow_large_ones_are_answered_as_alone(house: House) -> None:
    same, long = message("Same"), message("Long", "x" * 400_000)
    ids = [house.add(data) for data in (same, same, long, long + b"y", LARGE, long + b"z", same, message("Last"))]

    items = Section(what="HEADER.FIELDS", fields=("Subject",)), Section((), "TEXT"), Section((1,))
    assert answers(house, ids, *items) == [answer for id in ids for answer in answers(house, [id], *items)]
    assert answers(house, ids[::-1], items[0])[0] == b"BODY[HEADER.FIELDS (Subject)] {17}\r\nSubject: Last\r\n\r\n"


def test_names_of_fields_are_matched_in_any_case_and_answered_as_asked_for(house: House) -> None:
    id = house.add(message("Hello"))
    for name in ("subject", "SUBJECT", "Subject"):
        section = Section(what="HEADER.FIELDS", fields=(name,))
        told = b"BODY[HEADER.FIELDS (%b)] {18}\r\nSubject: Hello\r\n\r\n" % name.encode()
        assert answers(house, [id, id], section) == [told, told]


def test_a_large_message_is_answered_in_ranges(house: House) -> None:
    id = house.add(LARGE)

    whole, header, middle, past = answers(
        house,
        [id],
        Section(),
        Section(what="HEADER"),
        Section(partial=(1_000_000, 10)),
        Section(partial=(9_000_000, 9)),
    )
    assert whole == b"BODY[] {%d}\r\n%b" % (len(LARGE), LARGE)
    assert header == b"BODY[HEADER] {39}\r\n%b" % LARGE[:39]
    assert middle == b"BODY[]<1000000> {10}\r\n%b" % LARGE[1_000_000:1_000_010]
    assert past == b'BODY[]<9000000> ""'


def test_decoded_octets_come_as_literal8_only_with_nul_among_them(house: House) -> None:
    head = b"Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ids = [house.add(head + b"QQBC"), house.add(head + b"QUJD")]

    assert answers(house, ids, Binary((1,))) == [b"BINARY[1] ~{3}\r\nA\0B", b"BINARY[1] {3}\r\nABC"]


def test_an_unknown_encoding_is_noted(house: House) -> None:
    id = house.add(b"Content-Transfer-Encoding: x-odd\r\n\r\n?")

    with house.store.snapshot() as view:
        reading = MessageReading(view, "a1", view.get_many(EMAIL, "a1", [id]))
        assert reading.answer(id, Section((1,)), is_utf8=False) == b"BODY[1] {1}\r\n?"
        assert not reading.has_failed
        assert reading.answer(id, Binary((1,)), is_utf8=False) == b"BINARY[1] NIL"
        assert reading.has_failed


def test_a_preview_is_quoted_for_sessions_with_utf8_and_a_literal_for_others(house: House) -> None:
    ids = [house.add(message(body="Plain words.")), house.add(message(body="Größe"))]

    assert answers(house, ids, Preview()) == [b'PREVIEW "Plain words."', "PREVIEW {7}\r\nGröße".encode()]
    assert answers(house, ids, Preview(is_lazy=True), is_utf8=True)[1] == 'PREVIEW "Größe"'.encode()


def test_what_is_missing_of_an_older_message_is_worked_out_as_it_would_be_stored(house: House) -> None:
    id = house.add(message("Grüße", headers={"To": "undisclosed-recipients:;"}))

    with house.store.snapshot() as view:
        stored = view.parts(EMAIL, "a1", [id], NAME)[id]
        assert MessageReading(view, "a1", view.get_many(EMAIL, "a1", [id])).imap_part(id) == stored


@pytest.mark.parametrize("data", [message(), LARGE])
def test_a_message_that_is_gone_from_the_store_is_a_fault(house: House, data: bytes) -> None:
    id = house.add(data)
    house.store.write(lambda tx: tx.db.run("DELETE FROM blob"))

    with pytest.raises(Fault) as caught:
        answers(house, [id], Section())
    assert caught.value.kind is Kind.FAILED
