import pytest

from pillarbox.formats.message.collation import sort_key
from pillarbox.formats.message.subject import base_subject


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("hello", "hello"),
        ("", ""),
        ("Re: hello", "hello"),
        ("re:hello", "hello"),
        ("RE : Fwd: FW: re: hello", "hello"),
        ("hello (fwd)", "hello"),
        ("Re: hello (fwd) (FWD)  ", "hello"),
        ("[list] hello", "hello"),
        ("[list] Re: [list] hello", "hello"),
        ("Re: [list] Re: hello", "hello"),
        ("Re[2]: hello", "hello"),
        ("Re [a b] : hello", "hello"),
        ("[fwd: hello]", "hello"),
        ("[Fwd: Re: [fwd: hello (fwd)]]", "hello"),
        ("[fwd: [list] hello] (fwd)", "hello"),
        ("[list]", "[list]"),
        ("[a][b]", "[b]"),
        ("Re: [a] [b]", "[b]"),
        ("[a [b] hello", "[a [b] hello"),
        ("Re:", ""),
        ("Re: Re:", ""),
        ("a\r\n\tb   c", "a b c"),
        ("Regarding: hello", "Regarding: hello"),
        ("hello Re: world", "hello Re: world"),
        ("Re hello", "Re hello"),
    ],
)
def test_base_subject_follows_the_rfc(subject: str, base: str) -> None:
    assert base_subject(subject, strict=True) == base
    assert base_subject(subject) == base


@pytest.mark.parametrize(
    "subject",
    [
        "AW: hello",
        "SV: VS: hello",
        "Antw: hello",
        "Re^2: hello",
        "RE(3): hello",
        "回复：hello",
        "答复: 转发: hello",
        "TR: RE: hello",
    ],
)
def test_marks_of_other_languages_count_unless_strict(subject: str) -> None:
    assert base_subject(subject) == "hello"
    assert base_subject(subject, strict=True) != "hello"


@pytest.mark.parametrize(
    "subject",
    [
        "[a]" * 200_000,
        "re:" * 200_000,
        "[fwd:" * 100_000 + "]" * 100_000,
        "(fwd)" * 100_000,
        "re [" * 100_000,
        " " * 500_000,
        "re[x]" * 100_000,
        "[x" * 200_000,
        "[" * 300_000,
    ],
)
def test_hostile_subjects_take_linear_time(subject: str) -> None:
    # No time is asserted: in quadratic time this test would not end.
    assert len(base_subject(subject)) <= len(subject)


@pytest.mark.parametrize(
    ("one", "other"),
    [("hello", "HeLLo"), ("ÉCOLE", "école"), ("Ǆ", "ǆ"), ("ﬁ", "ﬁ"), ("K", "K"), ("ß", "ß")],
)
def test_text_that_differs_only_in_case_has_one_key(one: str, other: str) -> None:
    assert sort_key(one) == sort_key(other)


def test_accents_and_sharp_s_are_kept() -> None:
    assert sort_key("ecole") != sort_key("école")
    assert sort_key("ß") == "ß"
    assert sort_key("é") == "E\u0301"
    assert sort_key("ﬁ") == "fi"


def test_keys_are_in_the_order_of_the_collation() -> None:
    assert sorted(["b", "B2", "a", "É", "Z", "e"], key=sort_key) == ["a", "b", "B2", "e", "É", "Z"]
