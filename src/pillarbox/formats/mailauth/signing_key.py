"""Private keys that sign mail, their public halves, and the records that publish them.

Sections: RFC 6376 §3.3.3, §3.6.1; RFC 8301 §3.2; RFC 8463 §3, §4.
"""

from __future__ import annotations

import base64
from typing import Literal, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
RSA_SHA256: Algorithm = "rsa-sha256"
ED25519_SHA256: Algorithm = "ed25519-sha256"

# RFC 8301 §3.2: "Signers SHOULD use RSA keys of at least 2048 bits."
RSA_BITS = 2048
_LEAST_BITS, _MOST_BITS = 1024, 4096
_PUBLIC_EXPONENT = 65_537


class SigningKey:
    """One private key, in memory."""

    def __init__(self, private: str) -> None:
        """`private` is PKCS #8 in base64, as `new_key` and `import_key` make it. Raises ValueError for other text."""
        # The check of an RSA key's numbers takes 27 ms; it was made when the key was made or imported.
        key = load_der_private_key(base64.b64decode(private), None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, (RSAPrivateKey, Ed25519PrivateKey)):
            raise ValueError("no key for signing mail")  # noqa: TRY004 -- it is a value, and of the wrong kind
        self._key = key

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of its signatures."""
        return RSA_SHA256 if isinstance(self._key, RSAPrivateKey) else ED25519_SHA256

    @property
    def bits(self) -> int:
        """How long it is."""
        return self._key.key_size if isinstance(self._key, RSAPrivateKey) else 256

    def sign(self, digest: bytes) -> bytes:
        """The signature over a SHA-256 digest; Ed25519 signs the digest itself (RFC 8463 §3)."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)

    def record(self) -> str:
        """The text of the TXT record that publishes it. RFC 8463 §4: an Ed25519 key stands there bare."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={_text(octets)}"
        return f"v=DKIM1; k=ed25519; p={_text(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}"


def new_key(algorithm: Algorithm) -> str:
    """A fresh private key. One for RSA takes a tenth of a second, now and then half a second."""
    if algorithm == "rsa-sha256":
        return _stored(generate_private_key(_PUBLIC_EXPONENT, RSA_BITS))
    if algorithm == "ed25519-sha256":
        return _stored(Ed25519PrivateKey.generate())
    assert_never(algorithm)


def import_key(pem: bytes) -> str:
    """A private key that another program made, from PEM. Raises ValueError if it cannot be read or must not sign."""
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, ValueError) as error:
        raise ValueError("no private key in PEM without a password") from error
    if isinstance(key, RSAPrivateKey):
        # RFC 8301 §3.2: "Signers MUST use RSA keys of at least 1024 bits for all keys."
        if not _LEAST_BITS <= key.key_size <= _MOST_BITS:
            raise ValueError(f"an RSA key has {_LEAST_BITS} to {_MOST_BITS} bits, this one {key.key_size}")
        return _stored(key)
    if isinstance(key, Ed25519PrivateKey):
        return _stored(key)
    raise ValueError("a key for mail is of RSA or Ed25519")


def _stored(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    return _text(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
