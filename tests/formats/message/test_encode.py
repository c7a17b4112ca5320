from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.formats.message.encode import (
    clean_text,
    encode_parameter,
    encode_phrase,
    encode_text,
    encode_words,
)

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=300)


def decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


@given(WORDS, st.integers(0, 60))
def test_encoded_words_are_short_and_come_back_one_by_one(text: str, column: int) -> None:
    words = list(encode_words(text, column))
    assert all(len(word) <= 75 for word in words)
    assert "".join(decoded(word) for word in words) == text


@given(WORDS)
def test_text_comes_back_from_its_units(text: str) -> None:
    units = encode_text(text)
    value = "".join(units)
    assert value.isascii()
    squeezed = " ".join(text.split(" ")).strip(" ")
    assert decoded(value).strip(" ") == squeezed or "  " in text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain words  with two spaces", "plain words  with two spaces"),
        ("Grüße aus Kölnischwasser und mehr", "=?utf-8?B?R3LDvMOfZQ==?= aus =?utf-8?Q?K=C3=B6lnischwasser?= und mehr"),
        ("é è ok", "=?utf-8?B?w6kgw6g=?= ok"),
        ("looks =?like?= one", "looks =?utf-8?B?PT9saWtlPz0=?= one"),
        ("two\r\n lines\nand\0 more\r", "two lines and more "),
        ("trailing ", "trailing "),
        ("", ""),
    ],
)
def test_only_words_that_need_it_are_encoded(text: str, value: str) -> None:
    assert "".join(encode_text(text)) == value


def test_the_shorter_of_q_and_b_is_chosen() -> None:
    assert next(encode_words("přes čáru")).startswith("=?utf-8?Q?") is False
    assert next(encode_words("mostly ascii é text")).startswith("=?utf-8?Q?")
    assert next(encode_words("日本語のメール")).startswith("=?utf-8?B?")


def test_line_breaks_never_reach_a_header() -> None:
    for unit in encode_text("a\r\nBcc: x@y\n\n\r\nz") + encode_phrase("a\r\nBcc: x"):
        assert "\r" not in unit
        assert "\n" not in unit


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("John Smith", ["John Smith"]),
        ("Smith, John", ['"Smith, John"']),
        ('The "Boss" \\o/', ['"The \\"Boss\\" \\\\o/"']),
        ("John  Smith", ['"John  Smith"']),
        ("J. Smith", ['"J. Smith"']),
        ("", ['""']),
        ('Zoë "Zed" Smithson', ["=?utf-8?Q?Zo=C3=AB_=22Zed=22_Smithson?="]),
    ],
)
def test_a_phrase_is_atoms_or_quoted_or_encoded(name: str, units: list[str]) -> None:
    assert encode_phrase(name) == units


@given(WORDS)
def test_an_encoded_word_never_stands_in_a_quoted_string(name: str) -> None:
    for unit in encode_phrase(name):
        assert not (unit.startswith('"') and "=?" in unit)


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=400))
def test_parameters_come_back_from_the_oracle(value: str) -> None:
    parameters = encode_parameter("filename", value)
    assert all(len(parameter) <= 76 for parameter in parameters)
    message = Message()
    message["Content-Disposition"] = "attachment; " + "; ".join(parameters)
    found = message.get_param("filename", header="content-disposition")
    assert found is not None
    if "\\" not in value and '"' not in value:
        assert collapse_rfc2231_value(found) == value


def test_a_short_ascii_parameter_stays_readable_for_old_programs() -> None:
    assert encode_parameter("filename", "report.pdf") == ["filename=report.pdf"]
    assert encode_parameter("filename", "my report.pdf") == ['filename="my report.pdf"']
    assert encode_parameter("filename", 'a"b\\c') == ['filename="a\\"b\\\\c"']
    assert encode_parameter("filename", "žluť.pdf") == ["filename*=utf-8''%C5%BElu%C5%A5.pdf"]


def test_a_long_parameter_is_numbered_and_no_character_is_split() -> None:
    pieces = encode_parameter("filename", "ž" * 40)
    assert [piece.split("=")[0] for piece in pieces] == [f"filename*{number}*" for number in range(len(pieces))]
    assert all(piece.split("=")[1].removeprefix("utf-8''").count("%") % 2 == 0 for piece in pieces)


def test_clean_text_replaces_what_utf8_cannot_say() -> None:
    assert clean_text("a\ud800b\x7fc") == "a\ufffdbc"
