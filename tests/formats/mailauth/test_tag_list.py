import pytest

from pillarbox.formats.mailauth.tag_list import BadTagList, colon_list, number, parse_tags, unspaced


def test_values_lose_the_white_space_around_them_and_their_folds() -> None:
    assert parse_tags(b" v = 1 ;\r\n\ta=rsa-sha256; n=a\r\n b ;\r\n") == {"v": "1", "a": "rsa-sha256", "n": "a b"}


def test_names_are_told_apart_by_case_and_values_may_be_empty_or_hold_equal_signs() -> None:
    assert parse_tags(b"a=;A=b==;B_1=c") == {"a": "", "A": "b==", "B_1": "c"}


def test_values_may_be_utf_8() -> None:
    assert parse_tags("d=bücher.example".encode()) == {"d": "bücher.example"}


@pytest.mark.parametrize(
    "value",
    [
        b"a=1;;b=2",
        b";a=1",
        b"a=1;b",
        b"1a=1",
        b"=1",
        b"a b=1",
        b"a=1; a=2",
        b"a=\0",
        b"a=\xff",
        b"a=x\r\ny",
        b"a=x\ry",
        b"a-b=1",
        b"a=1;" * 101,
        b";".join(b"a%d=1" % number for number in range(101)),
    ],
)
def test_what_the_grammar_does_not_allow_is_refused(value: bytes) -> None:
    with pytest.raises(BadTagList):
        parse_tags(value)


def test_white_space_alone_is_an_empty_list() -> None:
    assert parse_tags(b" \r\n ") == {}


def test_items_of_a_list_lose_white_space_and_case() -> None:
    assert colon_list("From :\tTO: x\r\n :") == ("from", "to", "x", "")
    assert unspaced("a b\r\n\tc") == "abc"


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "0x1", "12345", "²", "٣"])
def test_a_number_is_ascii_digits_of_which_there_are_not_too_many(text: str) -> None:
    with pytest.raises(BadTagList):
        number({"t": text}, "t", 4)
    assert number({"t": "0012"}, "t", 4) == 12
    assert number({}, "t", 4) is None
