"""SASLprep: the examples of its specification, and what passwords of today have."""

import pytest

from pillarbox.wire.sasl.prepare import password_octets, saslprep


@pytest.mark.parametrize(
    ("given", "prepared"),
    [  # RFC 4013 §3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # §2.1: every space is the space
        ("a\u00a0b\u3000c", "a b c"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
        ("", ""),
    ],
)
def test_a_text_is_prepared(given: str, prepared: str) -> None:
    assert saslprep(given) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "a\u0627", "\ue000", "\ufffd", "\u2060\u200e", "a\x7f"])
def test_what_is_prohibited_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"prohibited|directions"):
        saslprep(text)


def test_characters_that_are_younger_than_the_specification_are_let_through() -> None:
    assert saslprep("bat \U0001f987") == "bat \U0001f987"


def test_a_password_that_is_prohibited_is_taken_as_it_was_typed() -> None:
    assert password_octets("\u0627\u0031") == "\u0627\u0031".encode()
    assert password_octets("\u2168") == b"IX"
