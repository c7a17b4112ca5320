"""Passwords: how they are hashed, compared and made up (RFC 9106 §4; sizes as OWASP recommends them for argon2id)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata

import argon2

from pillarbox.core.ids import ALPHABET, is_id

MIN_LENGTH = 8
_MAX_OCTETS = 1024
_WORD = "abcdefghijkmnopqrstuvwxyz23456789"  # nothing that is mistaken for something else when it is read out
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_TOKEN = re.compile(rf"pbx_([A-Za-z0-9-]{{1,64}})_([{ALPHABET}]{{32}})\Z")
# Verified in place of a hash that does not exist, so that an unknown user costs what a wrong password costs.
_NOBODY = _hasher.hash(secrets.token_hex(16))


def prepared(password: str) -> str:
    """The password in the form in which it is hashed, whichever keyboard it was typed on (RFC 8265 §4.2)."""
    return unicodedata.normalize("NFC", password)


def complaint(password: str) -> str | None:
    """What is wrong with a new password, or None."""
    if len(prepared(password)) < MIN_LENGTH:
        return f"a password has at least {MIN_LENGTH} characters"
    if len(password.encode("utf-8", "replace")) > _MAX_OCTETS:
        return f"a password has at most {_MAX_OCTETS} octets"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        return "a password has no control characters"
    if parse_token(password) is not None:
        return "a password must not look like an app password"
    return None


def hash_password(password: str) -> str:
    """The argon2id hash, with a salt of its own. Takes tens of milliseconds and 19 MiB."""
    return _hasher.hash(prepared(password))


def is_password(password: str, hashed: str | None) -> bool:
    """Whether the password has this hash. Costs the same when there is none, and is then False."""
    if len(password) > _MAX_OCTETS:
        return False
    try:
        _hasher.verify(hashed or _NOBODY, prepared(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return bool(hashed)


def credential_of(password_hash: str) -> str:
    """A name for an account's present password, for what is bound to it; another password has another name."""
    return "password." + hashlib.blake2b(password_hash.encode(), digest_size=9).hexdigest()


def new_password() -> str:
    """A random password for a person to copy: 5 groups of 4 characters, 100 bits."""
    return "-".join("".join(secrets.choice(_WORD) for _ in range(4)) for _ in range(5))


def new_token(account: str) -> str:
    """The secret of an app password; it names its account, so that a bearer token alone finds it."""
    assert is_id(account)
    assert "_" not in account
    return f"pbx_{account}_{''.join(secrets.choice(ALPHABET) for _ in range(32))}"


def parse_token(text: str) -> str | None:
    """The account that the secret of an app password names; None when the text is no such secret."""
    found = _TOKEN.match(text)
    return found[1] if found else None


def digest_token(secret: str) -> str:
    """What is stored of an app password's secret: it has 160 random bits, which nobody guesses back from a digest."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def is_token(secret: str, digest: str) -> bool:
    """Whether the secret has this digest."""
    return hmac.compare_digest(digest_token(secret), digest)
