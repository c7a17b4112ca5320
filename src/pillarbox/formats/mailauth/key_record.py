"""The record at `SELECTOR._domainkey.DOMAIN` by which a signature's key is published.

Sections: RFC 6376 §3.6.1, §3.6.2; RFC 8301 §3.2; RFC 8463 §3, §4.2.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pillarbox.formats.mailauth.tag_list import BadTagList, colon_list, parse_tags, unspaced

# RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid signatures."
LEAST_BITS = 1024
# What a key costs grows with its length, and it is the sender who chooses it. 4096 is the most that must be supported.
MOST_BITS = 8192
_MAX_RECORD = 4_096
# AlgorithmIdentifier rsaEncryption, by which a bare RSAPublicKey (RFC 8017 §A.1.1) becomes a SubjectPublicKeyInfo.
_RSA_IDENTIFIER = bytes.fromhex("300d06092a864886f70d0101010500")

RSA, ED25519 = "rsa", "ed25519"


class BadKey(ValueError):
    """It is no key record, or its key cannot be read; the message says why."""


class WeakKey(BadKey):
    """The key is shorter than is allowed, or absurdly long."""


class KeyRecord(msgspec.Struct, frozen=True):
    """A published key. `key` is the octets of `p=`, empty when the key was revoked."""

    type: str
    key: bytes
    hashes: tuple[str, ...] | None = None  # None: any
    services: tuple[str, ...] = ("*",)
    flags: tuple[str, ...] = ()

    @property
    def is_testing(self) -> bool:
        """The signer only tests: a message must not be treated differently from an unsigned one."""
        return "y" in self.flags

    @property
    def is_strict(self) -> bool:
        """The domain of `i=` must be that of `d=`, not one below it."""
        return "s" in self.flags

    @property
    def is_for_mail(self) -> bool:
        """Whether the key may sign mail."""
        return not {"*", "email"}.isdisjoint(self.services)


@lru_cache(maxsize=512)
def parse_key_record(record: bytes) -> KeyRecord:
    """Read a TXT record's joined octets. Raises BadKey; unknown tags, services and flags are passed over."""
    if len(record) > _MAX_RECORD:
        raise BadKey("the key record is too long")
    try:
        tags = parse_tags(record)
    except BadTagList as error:
        raise BadKey(f"the key record is {error}") from None
    # RFC 6376 §3.6.1: v= "MUST be the first tag in the record", if there is one, and "DKIM1".
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise BadKey("the key record is of another version")
    if "p" not in tags:
        raise BadKey("the key record has no key")
    return KeyRecord(
        tags.get("k", RSA).lower(),
        _base64(tags["p"]),
        colon_list(tags["h"]) if "h" in tags else None,
        colon_list(tags.get("s", "*")),
        colon_list(tags.get("t", "")),
    )


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(unspaced(text), validate=True)
    except (binascii.Error, ValueError):
        raise BadKey("the key is no base64") from None


def verifies(record: KeyRecord, digest: bytes, signature: bytes) -> bool:
    """Whether a signature over a SHA-256 digest is of this key. Raises BadKey if it is no key, WeakKey."""
    key = _load(record.type, record.key)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, digest)  # RFC 8463 §3: what is signed by Ed25519 is the digest
        else:
            key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=512)
def _load(type: str, octets: bytes) -> RSAPublicKey | Ed25519PublicKey:
    if type == ED25519:
        return _load_ed25519(octets)
    if type != RSA:
        raise BadKey("the key is of an unknown type")
    key = _load_der(octets) or _load_der(_with_identifier(octets))
    if key is None:
        raise BadKey("the key cannot be read, or is too short")
    if not isinstance(key, RSAPublicKey):
        raise BadKey("the key is no RSA key")
    if not LEAST_BITS <= key.key_size <= MOST_BITS:
        raise WeakKey(f"an RSA key of {key.key_size} bits")
    return key


def _load_ed25519(octets: bytes) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(octets)
    except ValueError:
        raise BadKey("the key is no Ed25519 key") from None


def _load_der(octets: bytes) -> object:
    try:
        return load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _with_identifier(octets: bytes) -> bytes:
    """RFC 6376 §3.6.1 says RSAPublicKey where everybody publishes SubjectPublicKeyInfo."""
    return _der(0x30, _RSA_IDENTIFIER + _der(0x03, b"\0" + octets))


def _der(tag: int, content: bytes) -> bytes:
    """A DER value (X.690 §8.1)."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
