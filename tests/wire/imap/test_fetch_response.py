import pytest

from pillarbox.wire.imap.fetch_item import Binary, BinarySize, Section
from pillarbox.wire.imap.fetch_response import binary_name, binary_size_name, section_name


@pytest.mark.parametrize(
    ("section", "name"),
    [
        (Section(), b"BODY[]"),
        (Section(is_peek=True), b"BODY[]"),
        (Section(part=(1, 2)), b"BODY[1.2]"),
        (Section(part=(4, 1), what="MIME"), b"BODY[4.1.MIME]"),
        (Section(what="TEXT", partial=(100, 50)), b"BODY[TEXT]<100>"),
        (Section(what="HEADER.FIELDS", fields=("Date", "x y")), b'BODY[HEADER.FIELDS (Date "x y")]'),
        (Section(part=(3,), what="HEADER.FIELDS.NOT", fields=("To",)), b"BODY[3.HEADER.FIELDS.NOT (To)]"),
        (Section(what="HEADER", label="RFC822.HEADER"), b"RFC822.HEADER"),
    ],
)
def test_a_section_is_called_as_it_was_asked_for(section: Section, name: bytes) -> None:
    assert section_name(section) == name


def test_decoded_content_is_called_as_it_was_asked_for() -> None:
    assert binary_name(Binary()) == b"BINARY[]"
    assert binary_name(Binary((1, 2), partial=(0, 10))) == b"BINARY[1.2]<0>"
    assert binary_size_name(BinarySize((3,))) == b"BINARY.SIZE[3]"
