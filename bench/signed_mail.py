"""What signing and verifying cost, for `bench micro` and `bench checks`: RSA and Ed25519, the DNS answered at once."""

import re
from functools import cache
from typing import NamedTuple

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.formats.mailauth.arc import read_chain
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.dkim import read_signatures, verify_signatures
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, RSA_SHA256, SigningKey, new_key
from pillarbox.formats.mailauth.verdict import Verdict

NOW = 1_700_000_000
_AUTHOR = re.compile(rb"^From:.*\r\n(?:[ \t].*\r\n)*", re.MULTILINE | re.IGNORECASE)


@cache
def keys() -> list[KeyAtSelector]:
    """The keys, made once."""
    return [KeyAtSelector("example.org", each[:3], SigningKey(new_key(each))) for each in (RSA_SHA256, ED25519_SHA256)]


@cache
def records() -> dict[str, Answer]:
    """What the DNS has."""
    return {
        f"{each.selector}._domainkey.example.org": Answer(Status.FOUND, (each.key.record().encode(),))
        for each in keys()
    }


@cache
def signed(octets: bytes) -> bytes:
    """The message with both signatures; made in the first round, which is never the median."""
    return sign_message(octets) + octets


def sign_message(octets: bytes) -> bytes:
    """Both signatures."""
    return sign(octets, keys(), NOW)


def sign_by_rsa(octets: bytes) -> bytes:
    """That of RSA."""
    return sign(octets, keys()[:1], NOW)


def hash_message(octets: bytes) -> object:
    """The first half of verifying: both digests of a message."""
    return read_signatures(signed(octets))


def verify_message(octets: bytes) -> object:
    """Both halves."""
    return drive(verify_signatures(read_signatures(signed(octets)), NOW), _answer)


def look_for_chain(octets: bytes) -> object:
    """What ARC costs a message that has none."""
    return read_chain(octets)


def _answer(question: Question) -> Answer:
    return records().get(question.name, Answer(Status.NO_NAME))


class Ways(NamedTuple):
    """A message with signatures of each kind, and sealed once; the keys that the DNS has."""

    by_rsa: bytes
    by_ed25519: bytes
    by_both: bytes
    sealed: bytes
    keys: dict[str, tuple[bytes]]
    now: int = NOW


def signed_ways(octets: bytes) -> Ways:
    """The message in all ways; its author has to be at example.org."""
    ours = b"From: Ann <ann@example.org>\r\n" + _AUTHOR.sub(b"", octets)
    rsa, ed25519 = keys()
    both = sign(ours, keys(), NOW) + ours
    results = results_to_bytes(
        "mx.example.com", [Verdict("arc", "none")], name="ARC-Authentication-Results", prefix="i=1; "
    )
    sealed = seal(both, read_chain(both), "none", results, rsa, NOW) + both
    published = {name: (record,) for name, answer in records().items() for record in answer.records}
    return Ways(sign(ours, [rsa], NOW) + ours, sign(ours, [ed25519], NOW) + ours, both, sealed, published)  # type: ignore[arg-type]
