"""What signing and verifying cost, for `bench micro`: by a key of RSA and one of Ed25519, the DNS answered at once."""

from functools import cache

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.formats.mailauth.arc import read_chain
from pillarbox.formats.mailauth.dkim import read_signatures, verify_signatures
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, RSA_SHA256, SigningKey, new_key

NOW = 1_700_000_000


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
