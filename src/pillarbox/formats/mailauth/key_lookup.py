"""Asks the DNS for the keys of signatures, and tries a signature by what was found.

Sections: RFC 6376 §3.6.2, §6.1.2, §6.1.3; RFC 8301 §3.2; RFC 8553 §2.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.core.dns import Answer, Lookup, Question, Status, ask_all
from pillarbox.formats.mailauth.key_record import BadKey, KeyRecord, WeakKey, parse_key_record, verifies
from pillarbox.formats.mailauth.signature import Terms

# RFC 6376 §6.1.2 step 4: where there are several records, "the Verifier can choose one of the key records or may
# cycle through the key records". A signer who rolls over keys has two; who publishes hundreds has other plans.
_MAX_RECORDS = 4

Outcome = tuple[str, str | None]  # a result of RFC 8601 §2.7.1, and the reason where there is one to tell

PASS: Outcome = ("pass", None)


def ask_keys(names: Iterable[str]) -> Lookup[dict[str, Answer]]:
    """The answers for the keys of these names, each asked once and all at the same time."""
    distinct = list(dict.fromkeys(names))
    answers = yield from ask_all(*(Question(name, "TXT") for name in distinct))
    return dict(zip(distinct, answers, strict=True))


def try_signature(terms: Terms, digest: bytes, answer: Answer) -> Outcome:
    """Whether the signature over a SHA-256 digest is of a key in this answer, and the key one that may make it."""
    if answer.status is Status.FAILED:
        return "temperror", "the key could not be asked for"
    outcome: Outcome = "permerror", "there is no key"
    for record in [each for each in answer.records if isinstance(each, bytes)][:_MAX_RECORDS]:
        try:
            outcome = _try_key(parse_key_record(record), terms, digest)
        except WeakKey as error:
            outcome = "policy", str(error)
        except BadKey as error:
            outcome = "permerror", str(error)
        if outcome[0] in {"pass", "neutral"}:
            break
    return outcome


def _try_key(key: KeyRecord, terms: Terms, digest: bytes) -> Outcome:
    if not key.key:
        return "permerror", "the key was revoked"
    if key.type != terms.key_type:
        return "permerror", "the key is of another type"
    if key.hashes is not None and "sha256" not in key.hashes:
        return "permerror", "the key is not for SHA-256"
    if not key.is_for_mail:
        return "permerror", "the key is not for mail"
    # RFC 6376 §3.6.1, flag s: the domain of i= "MUST NOT be a subdomain of d=".
    if key.is_strict and terms.identity and terms.identity.rpartition("@")[2] != terms.domain:
        return "permerror", "i is below d"
    if not verifies(key, digest, terms.value):
        return "fail", "the signature does not verify"
    if key.is_testing:
        # RFC 6376 §3.6.1, flag y: "Verifiers MUST NOT treat messages from Signers in testing mode differently from
        # unsigned email".
        return "neutral", "the signer is testing"
    return PASS
