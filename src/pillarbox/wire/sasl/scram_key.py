"""The keys of SCRAM-SHA-256: made from a password, kept in its place, fitted to a proof.

RFC 5802 §3; RFC 7677 §3; RFC 5803 §3 (how they are written).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from pillarbox.wire.sasl.prepare import password_octets
from pillarbox.wire.sasl.step import Parameters

_OCTETS = 32
_BASE64 = r"[A-Za-z0-9+/]{4,128}={0,2}"
_TEXT = re.compile(rf"SCRAM-SHA-256\$([1-9][0-9]{{3,8}}):({_BASE64})\$({_BASE64}):({_BASE64})\Z")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a server needs to know of a password. With StoredKey alone nobody can log in elsewhere."""

    parameters: Parameters
    stored_key: bytes
    server_key: bytes


def derive(password: str, parameters: Parameters) -> Keys:
    """The keys of a password. Takes as long as there are iterations: 65,536 take some 20 ms."""
    salted = salted_password(password, parameters)
    stored = hashlib.sha256(hmac_sha_256(salted, b"Client Key")).digest()
    return Keys(parameters, stored, hmac_sha_256(salted, b"Server Key"))


def salted_password(password: str, parameters: Parameters) -> bytes:
    """SaltedPassword, from which a client makes its proof."""
    return hashlib.pbkdf2_hmac("sha256", password_octets(password), parameters.salt, parameters.iterations)


def fits(keys: Keys, message: bytes, proof: bytes) -> bool:
    """Whether somebody who knows the password made this proof over the message. Always two hashes."""
    client_key = combine(proof.ljust(_OCTETS, b"\x00")[:_OCTETS], hmac_sha_256(keys.stored_key, message))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), keys.stored_key) and len(proof) == _OCTETS


def hmac_sha_256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(key, message, "sha256")


def combine(one: bytes, other: bytes) -> bytes:
    """The exclusive or of two values of 32 octets."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(_OCTETS)


def keys_to_text(keys: Keys) -> str:
    """Keys as RFC 5803 §3 writes them, which other servers read too."""
    salt, stored, server = (
        base64.b64encode(octets).decode() for octets in (keys.parameters.salt, keys.stored_key, keys.server_key)
    )
    return f"SCRAM-SHA-256${keys.parameters.iterations}:{salt}${stored}:{server}"


def parse_keys(text: str) -> Keys | None:
    """The keys that were written; None for anything else."""
    found = _TEXT.match(text)
    if found is None:
        return None
    try:
        salt, stored, server = (base64.b64decode(part, validate=True) for part in found.group(2, 3, 4))
    except ValueError:
        return None
    if len(stored) != _OCTETS or len(server) != _OCTETS:
        return None
    return Keys(Parameters(salt, int(found[1])), stored, server)
