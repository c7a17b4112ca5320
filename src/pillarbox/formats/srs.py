"""Reverse-paths that are rewritten by whoever sends mail on, so that SPF holds and bounces find their way back.

The Sender Rewriting Scheme (Wong and Shevek, 2003): SRS0 for the first who rewrites, SRS1 for all after. No RFC
has it. Bounces to such an address are sent on to the one in it, but only when a keyed hash says that it was made here,
and not long ago: otherwise anybody could have mail sent to anybody. Sections: RFC 5321 §4.5.3.1.1 (64 octets), §4.5.5.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence

_DAY_MS = 86_400_000
_CYCLE = 1024  # days until a time stamp comes again
_HASH_OCTETS = 5
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_SRS0 = re.compile(r"srs0[=+-]([a-z2-7]{8})=([a-z2-7]{2})=([^=@]+)=(.+)\Z", re.IGNORECASE | re.DOTALL)
_SRS1 = re.compile(r"srs1[=+-]([a-z2-7]{8})=([^=@]+)=([=+-].+)\Z", re.IGNORECASE | re.DOTALL)
_FOREIGN0 = re.compile(r"srs0([=+-].+)\Z", re.IGNORECASE | re.DOTALL)
_FOREIGN1 = re.compile(r"srs1[=+-][^=@]+=([^=@]+)=([=+-].+)\Z", re.IGNORECASE | re.DOTALL)


def is_rewritten(local: str) -> bool:
    """Whether a local part looks like one of the scheme."""
    return local[:5].lower() in {"srs0=", "srs0+", "srs0-", "srs1=", "srs1+", "srs1-"}


def rewrite(local: str, domain: str, key: bytes, now_ms: int) -> str:
    """The local part that stands for an address elsewhere; it may have more than 64 octets."""
    # Who comes after another rewriter keeps what that one needs, and drops whoever was between.
    if match := _FOREIGN0.match(local):
        return _second(domain, match[1], key)
    if match := _FOREIGN1.match(local):
        return _second(match[1], match[2], key)
    stamp = _stamp(now_ms // _DAY_MS)
    return f"SRS0={_hash(key, 'srs0', stamp, domain, local)}={stamp}={domain}={local}"


def original(local: str, keys: Sequence[bytes], now_ms: int, days: int) -> tuple[str, str] | None:
    """(local part, domain) of the address that a local part stands for.

    None when it was not made by one of these keys, or more than so many days ago.
    """
    if match := _SRS0.match(local):
        hash, stamp, domain, rest = match.groups()
        good = _is_one_of(hash, keys, "srs0", stamp.lower(), domain, rest) and _is_fresh(stamp.lower(), now_ms, days)
        return (rest, domain) if good else None
    if match := _SRS1.match(local):
        hash, domain, rest = match.groups()
        # The first rewriter's own time stamp is in it, which the first rewriter looks at.
        return (f"SRS0{rest}", domain) if _is_one_of(hash, keys, "srs1", "", domain, rest) else None
    return None


def _second(domain: str, rest: str, key: bytes) -> str:
    return f"SRS1={_hash(key, 'srs1', '', domain, rest)}={domain}={rest}"


def _hash(key: bytes, *parts: str) -> str:
    # Servers on the way may change the case of local parts, although they must not.
    text = "\0".join(parts).casefold()
    digest = hmac.digest(key, text.encode("utf-8", "replace"), "sha256")[:_HASH_OCTETS]
    return base64.b32encode(digest).decode().lower()


def _is_one_of(hash: str, keys: Sequence[bytes], *parts: str) -> bool:
    return any(hmac.compare_digest(hash.lower(), _hash(key, *parts)) for key in keys)


def _stamp(day: int) -> str:
    return _ALPHABET[day % _CYCLE // 32] + _ALPHABET[day % 32]


def _is_fresh(stamp: str, now_ms: int, days: int) -> bool:
    day = _ALPHABET.index(stamp[0]) * 32 + _ALPHABET.index(stamp[1])
    # A day into the future: clocks of nodes differ.
    return (now_ms // _DAY_MS + 1 - day) % _CYCLE <= days + 1
