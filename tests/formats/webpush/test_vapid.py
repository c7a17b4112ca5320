"""Signatures for push services, verified as a service would."""

import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from pillarbox.formats.webpush import base64url
from pillarbox.formats.webpush.vapid import SigningKey, new_key


def verify(authorization: str) -> dict[str, object]:
    """The claims of a header whose signature is right (RFC 8292 §3)."""
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "vapid"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    head, body, signature = fields["t"].split(".")
    point = base64url.decode(fields["k"])
    raw = base64url.decode(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    assert json.loads(base64url.decode(head)) == {"typ": "JWT", "alg": "ES256"}
    claims: dict[str, object] = json.loads(base64url.decode(body))
    return claims


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
