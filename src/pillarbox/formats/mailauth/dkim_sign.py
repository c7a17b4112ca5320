"""Signs a message with one or several keys.

Sections: RFC 6376 §5.3, §5.4, §5.4.1, §5.4.2, §8.15; RFC 8301 §3.1; RFC 8463 §3; RFC 8058 §4.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.formats.mailauth.body_digest import BodyDigests, pieces_of
from pillarbox.formats.mailauth.message_field import Header, read_header
from pillarbox.formats.mailauth.signature_field import relaxed_fields, signed_field
from pillarbox.formats.mailauth.signing_key import SigningKey

# Named once more than they are there, so that nobody can add another (RFC 6376 §5.4.2, §8.15): a reader might show
# that one. What lists may rightly add, such as Sender and List-Id, is not among them.
_SEALED = (
    *("from", "to", "cc", "subject", "date", "reply-to", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)
# Signed as often as they are there. RFC 8058 §4: List-Unsubscribe and List-Unsubscribe-Post must be signed.
_SIGNED = (
    *("sender", "content-id", "content-description", "content-language", "auto-submitted", "importance", "autocrypt"),
    *("resent-date", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-message-id"),
    *("list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post"),
    *("list-owner", "list-archive", "feedback-id", "tls-required", "tls-report-domain", "tls-report-submitter"),
)
_MOST_NAMES = 200


class KeyAtSelector(msgspec.Struct, frozen=True):
    """A key and where it is published."""

    domain: str
    selector: str
    key: SigningKey


def sign(message: bytes, keys: Sequence[KeyAtSelector], now: int, *, expires_at: int | None = None) -> bytes:
    """A DKIM-Signature field for each key, to be put in front of the message; times in seconds of the epoch.

    Form relaxed/relaxed. Empty when there is nothing to sign: without a From no signature is valid (RFC 6376 §5.4).
    """
    header = read_header(message)
    if not keys or header.is_over_budget or not header.named("from"):
        return b""
    bh = body_hash(pieces_of(message, header.body_start))
    names = names_to_sign(header)
    hashed = relaxed_fields(header.fields, names)
    out = b""
    for each in keys:
        tags = [("v", "1"), ("a", each.key.algorithm), ("c", "relaxed/relaxed"), ("d", each.domain)]
        tags += [("s", each.selector), ("t", str(now))]
        tags += [("x", str(expires_at))] if expires_at is not None else []
        tags += [("h", ":".join(names)), ("bh", bh), ("b", "")]
        out += signed_field("DKIM-Signature", tags, hashed, each.key)
    return out


def body_hash(body: Iterable[bytes]) -> str:
    """The digest of a body in relaxed form, as `bh` has it."""
    digests = BodyDigests([(True, None)])
    digests.read(body)
    return base64.b64encode(digests.digest(is_relaxed=True, limit=None)).decode("ascii")


def names_to_sign(header: Header) -> list[str]:
    """The names for `h`, each as often as its field is there, and some once more."""
    counts = Counter(field.name for field in header.fields)
    names = [name for name in _SEALED for _ in range(counts[name] + 1)]
    names += [name for name in _SIGNED for _ in range(counts[name])]
    return names[:_MOST_NAMES]
