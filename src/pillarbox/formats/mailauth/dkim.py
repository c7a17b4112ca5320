"""Verifies the DKIM signatures of a message, in two halves: what takes time, and what asks the DNS.

Sections: RFC 6376 §3.7, §5.4, §6.1, §8.2, §8.14, §8.15; RFC 8601 §2.7.1; RFC 6008.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pillarbox.core.dns import Answer, Lookup
from pillarbox.formats.mailauth.body_digest import BodyDigests, pieces_of
from pillarbox.formats.mailauth.key_lookup import ask_keys, try_signature
from pillarbox.formats.mailauth.message_field import Header, MessageField, read_header, select
from pillarbox.formats.mailauth.signature import BadSignature, Terms, read_terms
from pillarbox.formats.mailauth.verdict import Verdict

# Each costs a question to the DNS; mail that went through two lists has four or five. Those on top are looked at.
MAX_SIGNATURES = 10
# Clocks differ, and some signers take local time for UTC.
_SLACK_SECONDS = 86_400
BODY_CHANGED = "the body was changed"

# Fields of which a message has one at the most (RFC 5322 §3.6, RFC 2045 §4), and which readers show or go by. Another
# of them put on top of a signed one is what the reader sees, while the signature goes on verifying (RFC 6376 §8.15).
_SINGLE = (
    *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)


class Signature(msgspec.Struct, frozen=True):
    """A signature whose digest is made. `verdict` is there when it is settled already, and `terms` when it is not."""

    properties: tuple[tuple[str, str], ...]
    verdict: Verdict | None
    terms: Terms | None = None
    digest: bytes = b""

    def settled(self, result: str, reason: str | None) -> Verdict:
        """The verdict about it."""
        return Verdict("dkim", result, reason, self.properties)


def read_signatures(message: bytes, *, most: int = MAX_SIGNATURES) -> tuple[Signature, ...]:
    """The signatures of a message, from the top; all the hashing is done here. Never raises."""
    header = read_header(message)
    return read_signatures_of(header, pieces_of(message, header.body_start), most=most)


def read_signatures_of(header: Header, body: Iterable[bytes], *, most: int = MAX_SIGNATURES) -> tuple[Signature, ...]:
    """The same for a header that was read before, and a body that comes in pieces."""
    if header.is_over_budget:
        return (Signature((), Verdict("dkim", "policy", "the header is too large")),)
    found = header.named("dkim-signature")
    counts = Counter(field.name for field in header.fields)
    signatures = [_read(field, header, counts) for field in found[:most]]
    terms = [each.terms for each in signatures if each.terms is not None]
    if terms:
        digests = BodyDigests((each.relaxed_body, each.body_limit) for each in terms)
        digests.read(body)
        signatures = [_with_body(each, digests) for each in signatures]
    if len(found) > most:
        signatures.append(Signature((), Verdict("dkim", "policy", f"{len(found) - most} signatures are not looked at")))
    return tuple(signatures)


def verify_signatures(signatures: Sequence[Signature], now: int) -> Lookup[tuple[Verdict, ...]]:
    """A verdict for each; `now` in seconds of the epoch."""
    judged = [_at_time(each, now) for each in signatures]
    answers = yield from ask_keys(each.terms.key_name for each in judged if each.terms is not None)
    return tuple(_verdict(each, answers) for each in judged)


def _verdict(signature: Signature, answers: Mapping[str, Answer]) -> Verdict:
    if signature.verdict is not None:
        return signature.verdict
    terms = signature.terms
    assert terms is not None
    return signature.settled(*try_signature(terms, signature.digest, answers[terms.key_name]))


def _read(field: MessageField, header: Header, counts: Counter[str]) -> Signature:
    try:
        terms = read_terms(field.value)
    except BadSignature as error:
        return Signature((), Verdict("dkim", error.result, str(error)))
    signature = Signature(_properties(terms), None, terms)
    if "from" not in terms.names:
        # RFC 6376 §6.1.1: "If the "h=" tag does not include the From header field, the Verifier MUST ignore ..."
        return _settle(signature, "permerror", "From is not signed")
    if name := _unsigned_twin(terms, counts):
        return _settle(signature, "policy", f"there are more fields {name} than were signed")
    return msgspec.structs.replace(signature, digest=header_digest(field, terms, header.fields))


def header_digest(field: MessageField, terms: Terms, fields: Iterable[MessageField]) -> bytes:
    """The SHA-256 digest that is signed: the fields named, then the signature itself without its `b` (§3.7)."""
    digest = hashlib.sha256()
    for each in select([each for each in fields if each is not field], terms.names):
        digest.update(each.canonical(is_relaxed=terms.relaxed_header) + b"\r\n")
    digest.update(field.unsigned().canonical(is_relaxed=terms.relaxed_header))
    return digest.digest()


def _unsigned_twin(terms: Terms, counts: Counter[str]) -> str | None:
    signed = Counter(terms.names)
    return next((name for name in _SINGLE if 0 < signed[name] < counts[name]), None)


def _with_body(signature: Signature, digests: BodyDigests) -> Signature:
    terms = signature.terms
    if terms is None:
        return signature
    if terms.body_limit is not None and terms.body_limit > digests.length(is_relaxed=terms.relaxed_body):
        return _settle(signature, "fail", "the body is shorter than was signed")
    if digests.digest(is_relaxed=terms.relaxed_body, limit=terms.body_limit) != terms.body_hash:
        return _settle(signature, "fail", BODY_CHANGED)
    if terms.body_limit is not None and terms.body_limit < digests.length(is_relaxed=terms.relaxed_body):
        # RFC 6376 §8.2: what anybody may append is no text of the signer's. Readers show all of it alike.
        return _settle(signature, "policy", "a part of the body is not signed")
    return signature


def _at_time(signature: Signature, now: int) -> Signature:
    terms = signature.terms
    if terms is None:
        return signature
    if terms.expires_at is not None and terms.expires_at < now:
        return _settle(signature, "permerror", "the signature has expired")
    if terms.signed_at is not None and terms.signed_at > now + _SLACK_SECONDS:
        return _settle(signature, "permerror", "the signature is of the future")
    return signature


def _settle(signature: Signature, result: str, reason: str) -> Signature:
    return Signature(signature.properties, signature.settled(result, reason))


def _properties(terms: Terms) -> tuple[tuple[str, str], ...]:
    """What Authentication-Results tells of it; the beginning of `b` tells signatures of one domain apart (RFC 6008)."""
    return (
        ("header.d", terms.domain),
        ("header.i", terms.identity),
        ("header.s", terms.selector),
        ("header.a", terms.algorithm),
        ("header.b", base64.b64encode(terms.value)[:8].decode("ascii")),
    )
