"""Signatures for push services, verified as a service would."""

import pytest
from cryptography.exceptions import InvalidSignature

from pillarbox.formats.webpush import base64url
from pillarbox.formats.webpush.vapid import SigningKey, new_key
from tests.formats.webpush.signature import verify


def test_a_push_service_can_verify_the_signature() -> None:
    key = SigningKey(new_key())
    header = key.authorization("https://push.example.net", "mailto:postmaster@example.org", 1_000_000)
    assert verify(header) == {
        "aud": "https://push.example.net",
        "exp": 1_000_000 + 12 * 3_600,
        "sub": "mailto:postmaster@example.org",
    }


def test_a_signature_of_another_key_is_not_ours() -> None:
    one, two = SigningKey(new_key()), SigningKey(new_key())
    header = one.authorization("https://push.example.net", "mailto:a@example.org", 0)
    with pytest.raises(InvalidSignature):
        verify(header.replace(one.public, two.public))


def test_a_key_read_again_is_the_same_key() -> None:
    text = new_key()
    assert SigningKey(text).public == SigningKey(text).public
    assert len(base64url.decode(SigningKey(text).public)) == 65


@pytest.mark.parametrize("text", ["", "!", base64url.encode(bytes(32)), base64url.encode(b"\xff" * 32)])
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the library's words
        SigningKey(text)
