"""Encryption of push messages: the RFC's own example, and other people's decryption."""

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.webpush import base64url
from pillarbox.formats.webpush.encrypt import (
    MAX_BODY,
    MAX_PLAIN,
    ClientKeyError,
    encrypt,
    parse_auth,
    parse_public_key,
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(base64url.decode(text), "big"), ec.SECP256R1())


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    return base64url.encode(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def test_the_example_of_rfc_8291_comes_out_octet_by_octet() -> None:
    # RFC 8291 §5 and Appendix A
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        parse_public_key("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        parse_auth("BTBZMqHH6r4Tts7J_aSIgg"),
        server_key=private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        salt=base64url.decode("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert base64url.encode(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=MAX_PLAIN))
def test_another_library_reads_what_we_wrote(plain: bytes) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    auth = b"0123456789abcdef"
    body = encrypt(plain, key.public_key(), auth)
    assert len(body) <= MAX_BODY
    assert http_ece.decrypt(body, private_key=key, auth_secret=auth, version="aes128gcm") == plain


def test_no_two_messages_are_encrypted_alike() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert encrypt(b"x", key.public_key(), bytes(16)) != encrypt(b"x", key.public_key(), bytes(16))


def test_a_message_that_a_push_service_may_refuse_is_refused_here() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ValueError, match=str(MAX_PLAIN)):
        encrypt(bytes(MAX_PLAIN + 1), key.public_key(), bytes(16))


def test_keys_are_taken_with_and_without_padding_and_in_both_alphabets() -> None:
    data = base64url.decode(public_text(ec.generate_private_key(ec.SECP256R1())))
    text = base64url.encode(data)
    for spelling in (text, text + "=", text.replace("-", "+").replace("_", "/")):
        assert parse_public_key(spelling) == parse_public_key(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "AAAA",
        "not base64!",
        base64url.encode(bytes([4]) + bytes(64)),  # not on the curve
        base64url.encode(bytes(65)),
        base64url.encode(bytes([4]) + b"\xff" * 64),
        base64url.encode(b"\x02" + bytes(32)),  # compressed
        "é" * 87,
    ],
)
def test_a_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ClientKeyError):
        parse_public_key(text)


@pytest.mark.parametrize("text", ["", "AAAA", "?" * 22, base64url.encode(bytes(17))])
def test_an_authentication_secret_has_16_octets(text: str) -> None:
    with pytest.raises(ClientKeyError):
        parse_auth(text)


@given(st.binary(max_size=40))
def test_base64url_comes_back(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data


@given(st.text(max_size=40))
def test_any_text_is_base64url_or_a_mistake(text: str) -> None:
    try:
        base64url.decode(text)
    except ValueError:
        return
