"""OAUTHBEARER and XOAUTH2: the token in them, how a refusal is told, and what is none of theirs."""

import json

import pytest

from pillarbox.wire.sasl.bearer import oauthbearer, xoauth2
from pillarbox.wire.sasl.step import Challenge, Malformed, Refused, Token
from tests.wire.sasl.talk import OVER, talk

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
BEARER = b"auth=Bearer " + TOKEN.encode()


def test_oauthbearer_reads_the_example_of_its_specification() -> None:
    # RFC 7628 §4.1
    message = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01" + BEARER + b"\x01\x01"
    assert talk(oauthbearer(message), [None]) == [Token(TOKEN, "user@example.com"), OVER]
    assert talk(oauthbearer(), [message]) == [Challenge(b""), Token(TOKEN, "user@example.com")]


def test_oauthbearer_needs_no_name() -> None:
    assert talk(oauthbearer(b"y,,\x01" + BEARER + b"\x01\x01")) == [Token(TOKEN)]


def test_a_refused_token_is_told_as_json_and_fails_after_the_clients_dummy() -> None:
    machine = oauthbearer(b"n,,\x01" + BEARER + b"\x01\x01")
    next(machine)
    said = machine.send("invalid_token")
    assert isinstance(said, Challenge)
    assert json.loads(said.data) == {"status": "invalid_token"}
    with pytest.raises(Refused):
        machine.send(b"\x01")


@pytest.mark.parametrize("message", [b"n,,\x01\x01", b"n,,\x01host=a\x01\x01", b"n,,\x01auth=\x01\x01"])
def test_oauthbearer_without_a_token_asks_what_it_would_need(message: bytes) -> None:
    assert talk(oauthbearer(message)) == [Token("")]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"x,,\x01" + BEARER + b"\x01\x01",
        b"p=tls-exporter,,\x01" + BEARER + b"\x01\x01",
        b"n,a=,\x01" + BEARER + b"\x01\x01",
        b"n,a=x=41,\x01" + BEARER + b"\x01\x01",
        b"n,," + BEARER + b"\x01\x01",
        b"n,,\x01" + BEARER + b"\x01",
        b"n,,\x01" + BEARER,
        b"n,,\x01" + BEARER + b"\x01" + BEARER + b"\x01\x01",
        b"n,,\x01a b=c\x01" + BEARER + b"\x01\x01",
        b"n,,\x01host=\x00\x01" + BEARER + b"\x01\x01",
        b"n,,\x01host=\xff\x01" + BEARER + b"\x01\x01",
        b"n,,\x01" + b"k=v\x01" * 5_000 + b"\x01",
    ],
)
def test_oauthbearer_refuses_what_is_no_message_of_it(message: bytes) -> None:
    with pytest.raises(Malformed):
        talk(oauthbearer(message))


def test_a_token_that_could_be_none_is_no_token() -> None:
    for auth in (b"auth=Basic YTpi", b"auth=Bearer a b", b"auth=Bearer a\r\nb", b"auth=Bearer ,"):
        assert talk(oauthbearer(b"n,,\x01" + auth + b"\x01\x01")) == [Token("")]


def test_xoauth2_reads_user_and_token() -> None:
    message = b"user=someuser@example.com\x01auth=bearer ya29.vF9\x01\x01"
    assert talk(xoauth2(message), [None]) == [Token("ya29.vF9", "someuser@example.com"), OVER]
    assert talk(xoauth2(), [message]) == [Challenge(b""), Token("ya29.vF9", "someuser@example.com")]


def test_xoauth2_tells_a_refusal_and_fails_after_an_empty_response() -> None:
    machine = xoauth2(b"user=a\x01auth=Bearer b\x01\x01")
    next(machine)
    said = machine.send("invalid_token")
    assert isinstance(said, Challenge)
    assert json.loads(said.data)["status"] == "401"
    with pytest.raises(Refused):
        machine.send(b"")


@pytest.mark.parametrize(
    "message",
    [b"", b"user=", b"user=\x01auth=Bearer b\x01\x01", b"auth=Bearer b\x01\x01", b"user=a\x01auth=Bearer b\x01"],
)
def test_xoauth2_refuses_what_is_no_message_of_it(message: bytes) -> None:
    with pytest.raises(Malformed):
        talk(xoauth2(message))
