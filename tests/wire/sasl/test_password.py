"""PLAIN and LOGIN: what is read out of them, and what is none of theirs."""

import pytest

from pillarbox.wire.sasl.password import login, plain
from pillarbox.wire.sasl.step import Challenge, Malformed, Password
from tests.wire.sasl.talk import OVER, talk


def test_plain_reads_the_examples_of_its_specification() -> None:
    # RFC 4616 §4
    assert talk(plain(b"\x00tim\x00tanstaaftanstaaf")) == [Password("tim", "tanstaaftanstaaf")]
    assert talk(plain(b"Ursel\x00Kurt\x00xipj3plmq"), [None]) == [Password("Kurt", "xipj3plmq", "Ursel"), OVER]


def test_plain_without_an_initial_response_is_asked_for_by_an_empty_challenge() -> None:
    assert talk(plain(), [b"\x00tim\x00secret"]) == [Challenge(b""), Password("tim", "secret")]


def test_plain_takes_the_longest_parts_and_names_in_every_script() -> None:
    (claim,) = talk(plain(b"\x00" + "zoë".encode() + b"\x00" + b"p" * 1024))
    assert claim == Password("zoë", "p" * 1024)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"tim",
        b"\x00tim",
        b"\x00\x00secret",
        b"\x00tim\x00",
        b"\x00tim\x00secret\x00",
        b"\x00tim\x00sec\r\nret",
        b"\x00ti\nm\x00secret",
        b"a\x07\x00tim\x00secret",
        b"\x00\xff\x00secret",
        b"\x00tim\x00\xc3",
        b"\x00tim\x00" + b"p" * 1025,
        b"\x00" + b"n" * 1025 + b"\x00p",
        b"x" * 100_000,
    ],
)
def test_plain_refuses_what_is_no_message_of_it(message: bytes) -> None:
    with pytest.raises(Malformed):
        talk(plain(message))


def test_login_prompts_in_the_words_that_outlook_compares() -> None:
    said = talk(login(), [b"alice@example.org", b"correct horse", None])
    assert said == [
        Challenge(b"Username:"),
        Challenge(b"Password:"),
        Password("alice@example.org", "correct horse"),
        OVER,
    ]


def test_login_takes_the_name_as_an_initial_response() -> None:
    assert talk(login(b"alice"), [b"horse"]) == [Challenge(b"Password:"), Password("alice", "horse")]


@pytest.mark.parametrize("answers", [[b""], [b"a\x00b"], [b"alice", b""], [b"alice", b"a\nb"], [b"alice", b"p" * 1025]])
def test_login_refuses_empty_long_and_broken_parts(answers: list[bytes]) -> None:
    with pytest.raises(Malformed):
        talk(login(), answers)
