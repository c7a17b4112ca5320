"""Keys: the published example, how they are written, and what fits them."""

import base64
import hashlib

import pytest

from pillarbox.wire.sasl.scram_key import combine, derive, fits, hmac_sha_256, keys_to_text, parse_keys, salted_password
from pillarbox.wire.sasl.step import Parameters

PENCIL = Parameters(base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)  # RFC 7677 §3


def proof_of(password: str, message: bytes, parameters: Parameters = PENCIL) -> bytes:
    client_key = hmac_sha_256(salted_password(password, parameters), b"Client Key")
    return combine(client_key, hmac_sha_256(hashlib.sha256(client_key).digest(), message))


def test_keys_are_those_that_other_servers_make() -> None:
    # As other implementations publish them for the same example.
    text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    text += "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    assert keys_to_text(derive("pencil", PENCIL)) == text


def test_a_proof_fits_the_keys_of_its_password_and_message_alone() -> None:
    keys = derive("pencil", PENCIL)
    proof = proof_of("pencil", b"message")
    assert fits(keys, b"message", proof)
    assert not fits(keys, b"another", proof)
    assert not fits(derive("pen", PENCIL), b"message", proof)
    assert not fits(keys, b"message", b"")
    assert not fits(keys, b"message", proof + b"\x00")
    assert not fits(keys, b"message", proof[:-1])
    assert not fits(keys, b"message", bytes(32))


def test_a_proof_that_ends_in_zeros_does_not_fit_without_them() -> None:
    keys = derive("pencil", PENCIL)
    message = next(m for n in range(10_000) if proof_of_keys(m := str(n).encode())[-1] == 0)
    assert fits(keys, message, proof_of_keys(message))
    assert not fits(keys, message, proof_of_keys(message)[:-1])


_CLIENT_KEY = hmac_sha_256(salted_password("pencil", PENCIL), b"Client Key")


def proof_of_keys(message: bytes) -> bytes:
    return combine(_CLIENT_KEY, hmac_sha_256(hashlib.sha256(_CLIENT_KEY).digest(), message))


def test_a_password_is_the_same_in_every_normal_form() -> None:
    assert derive("Zo\u00eb", PENCIL) == derive("Zoe\u0308", PENCIL)


def test_what_is_written_is_read() -> None:
    keys = derive("pencil", PENCIL)
    assert parse_keys(keys_to_text(keys)) == keys


@pytest.mark.parametrize(
    "text",
    [
        "",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$" + "A" * 43 + "=:" + "A" * 43 + "=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6g$" + "A" * 43 + "=:" + "A" * 43 + "=",
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" + "A" * 43 + "=:" + "A" * 43 + "=",
    ],
)
def test_what_are_no_keys_is_none(text: str) -> None:
    assert parse_keys(text) is None
