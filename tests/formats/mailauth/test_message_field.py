import pytest

from pillarbox.formats.mailauth.message_field import MAX_FIELDS, MAX_HEADER, read_header, relaxed, select

# RFC 6376 §3.4.5
EXAMPLE = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"


def test_fields_are_in_the_forms_of_the_example_in_rfc_6376() -> None:
    fields = read_header(EXAMPLE).fields
    assert [field.canonical(is_relaxed=True) for field in fields] == [b"a:X", b"b:Y Z"]
    assert [field.canonical(is_relaxed=False) for field in fields] == [b"A: X", b"B : Y\t\r\n\tZ  "]
    assert EXAMPLE[read_header(EXAMPLE).body_start :] == b" C \r\nD \t E\r\n\r\n\r\n"


def test_a_bare_line_feed_in_a_header_is_a_line_end() -> None:
    crlf, lf = read_header(EXAMPLE), read_header(EXAMPLE.replace(b"\r", b""))
    assert crlf.fields == lf.fields


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (b"", b"x:"),
        (b" \r\n ", b"x:"),
        (b" a\x0bb\x0c c\xa0", b"x:a\x0bb\x0c c\xa0"),
        (b" a\rb \r c", b"x:a\rb \r c"),
        (b" a \r\n \t\r\n b", b"x:a b"),
    ],
)
def test_only_spaces_tabs_and_folds_are_white_space(value: bytes, canonical: bytes) -> None:
    assert relaxed("x", value) == canonical


def test_of_fields_of_one_name_the_last_is_first_and_a_name_too_many_means_nothing() -> None:
    fields = read_header(b"A: 1\r\nB: 2\r\na: 3\r\n\r\n").fields
    assert [field.value for field in select(fields, ["a", "c", "a", "a", "b", "", "b"])] == [b" 3", b" 1", b" 2"]


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        (b" v=1; b=abc\r\n def ; bh=x", b" v=1; b=; bh=x"),
        (b"b = abc", b"b ="),
        (b" bb=1; xb=2;\r\n\tb\r\n =abc; b1=c", b" bb=1; xb=2;\r\n\tb\r\n =; b1=c"),
        (b" bh=b=c", b" bh=b=c"),
    ],
)
def test_a_signature_is_hashed_without_its_value(value: bytes, rest: bytes) -> None:
    (field,) = read_header(b"DKIM-Signature :" + value + b"\r\n\r\n").fields
    assert field.unsigned().value == rest
    assert field.unsigned().raw == b"DKIM-Signature :" + rest


def test_a_header_without_end_is_not_read() -> None:
    assert read_header(b"A: 1\r\n" * MAX_FIELDS + b"\r\n").fields
    assert read_header(b"A: 1\r\n" * (MAX_FIELDS + 1) + b"\r\n").is_over_budget
    assert read_header(b"A: " + b"a" * MAX_HEADER + b"\r\n\r\n").is_over_budget
