"""Encryption of a push message for the client that made the subscription: nobody in between can read it.

RFC 8291 (keys), RFC 8188 (the content coding aes128gcm).
"""

from __future__ import annotations

import os

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.formats.webpush import base64url

CONTENT_CODING = "aes128gcm"
# RFC 8291 §4: a push service need not take more than 4096 octets. The header takes 86 of them, the delimiter 1, the
# tag 16.
MAX_BODY = 4_096
MAX_PLAIN = MAX_BODY - 86 - 1 - 16
_AUTH_OCTETS = 16
_POINT_OCTETS = 65
_SALT_OCTETS = 16
_LAST_RECORD = b"\x02"


class ClientKeyError(ValueError):
    """A client's key cannot be used; the message says why."""


def parse_public_key(text: str) -> ec.EllipticCurvePublicKey:
    """A client's `p256dh`: a point of the curve P-256, uncompressed (RFC 8291 §3.1). Raises ClientKeyError."""
    try:
        data = base64url.decode(text)
        if len(data) != _POINT_OCTETS or data[0] != 4:
            raise ClientKeyError("p256dh is an uncompressed point of P-256: 65 octets as base64url")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ClientKeyError:
        raise
    except (ValueError, UnsupportedAlgorithm):
        raise ClientKeyError("p256dh is not a point of P-256 as base64url") from None


def parse_auth(text: str) -> bytes:
    """A client's `auth`: 16 octets that client and server share (RFC 8291 §3.2). Raises ClientKeyError."""
    try:
        data = base64url.decode(text)
    except ValueError:
        raise ClientKeyError("auth is not base64url") from None
    if len(data) != _AUTH_OCTETS:
        raise ClientKeyError("auth is 16 octets as base64url")
    return data


def encrypt(
    plain: bytes,
    client_key: ec.EllipticCurvePublicKey,
    auth: bytes,
    *,
    server_key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The message as one record of aes128gcm, readable for who has the private half of the client's key.

    `plain` has at most MAX_PLAIN octets. Key and salt are fresh for every message, but in tests. Raises ValueError for
    what is too long.
    """
    if len(plain) > MAX_PLAIN:
        raise ValueError(f"a push message has at most {MAX_PLAIN} octets")
    server_key = server_key or ec.generate_private_key(ec.SECP256R1())
    salt = salt if salt is not None else os.urandom(_SALT_OCTETS)
    ours, theirs = _point(server_key.public_key()), _point(client_key)
    secret = server_key.exchange(ec.ECDH(), client_key)
    # RFC 8291 §3.4: the shared secret is mixed with the authentication secret and both public keys.
    keying = _derive(secret, auth, b"WebPush: info\x00" + theirs + ours, 32)
    key = _derive(keying, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derive(keying, salt, b"Content-Encoding: nonce\x00", 12)
    # RFC 8188 §2.1: salt, record size, and the key's id, which RFC 8291 §4 says is the server's public key.
    header = salt + MAX_BODY.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
