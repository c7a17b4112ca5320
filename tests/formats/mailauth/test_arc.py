import re

import dkim
import pytest

from bench.corpus import Corpus
from pillarbox.core.dns import Answer, Status, drive
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.arc_seal import next_instance, seal
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector
from pillarbox.formats.mailauth.signing_key import RSA_SHA256, SigningKey, new_key
from pillarbox.formats.mailauth.verdict import Verdict
from tests.formats.mailauth.published import KEY, NOW, PLAIN, Zone, signed
from tests.formats.mailauth.test_dkim_sign import pem

RSA = KeyAtSelector("example.com", "two", SigningKey(new_key(RSA_SHA256)))
RECORDS = {f"{each.selector}._domainkey.{each.domain}": each.key.record() for each in (KEY, RSA)}


def verdict(message: bytes, zone: Zone | None = None) -> Verdict:
    return drive(verify_chain(read_chain(message)), zone or Zone(RECORDS))


def handed_on(message: bytes, key: KeyAtSelector = KEY, result: str | None = None) -> bytes:
    """The message as a handler sends it on; `result` is what it says of the chain, by default the truth."""
    chain = read_chain(message)
    found = result or verdict(message).result
    prefix = f"i={next_instance(chain) or 0}; "
    results = results_to_bytes(
        "mx.example.org", [Verdict("arc", found)], name="ARC-Authentication-Results", prefix=prefix
    )
    return seal(message, chain, found, results, key, NOW) + message


def theirs(message: bytes) -> str:
    """What dkimpy says of a chain."""

    def answer(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 -- dkimpy's words
        return RECORDS.get(name.decode().rstrip("."), "").encode()

    return bytes(dkim.arc_verify(message, dnsfunc=answer)[0]).decode()


def times(message: bytes, count: int) -> bytes:
    for _ in range(count):
        message = handed_on(message)
    return message


def test_a_message_without_sets_has_no_chain() -> None:
    assert verdict(PLAIN) == Verdict("arc", "none")
    assert verdict(b"") == Verdict("arc", "none")


def test_chains_of_both_kinds_of_keys_pass_and_tell_who_sealed() -> None:
    for message in (signed(), *Corpus().messages(0, 5)):
        chain = handed_on(handed_on(handed_on(message, RSA), KEY), RSA)
        assert verdict(chain).result == "pass"
        assert read_chain(chain).sealers == ("example.com", "example.org", "example.com")


def test_chains_of_rsa_pass_in_dkimpy_which_knows_no_other_seals() -> None:
    for message in (signed(), *Corpus().messages(0, 5)):
        for _ in range(3):
            message = handed_on(message, RSA)  # noqa: PLW2901 -- it is the same on its way
            assert theirs(message) == "pass"


def test_what_dkimpy_seals_passes_here() -> None:
    message, found = PLAIN, b"none"
    for instance in range(1, 4):
        whole = b"Authentication-Results: mx.example.net; arc=" + found + b"\r\n" + message
        message = b"".join(dkim.arc_sign(whole, b"two", b"example.com", pem(RSA), b"mx.example.net")) + message
        assert verdict(message).result == "pass"
        assert read_chain(message).newest == instance
        found = b"pass"
    ours = handed_on(message, RSA)
    assert verdict(ours).result == "pass"
    assert theirs(ours) == "pass"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Subject: Hello", b"Subject: Hullo", "set 2, the signature does not verify"),
        (b"Hi", b"Ho", "the body was changed"),
        (b"i=1; mx.example.org; arc=none", b"i=1; mx.example.org; arc=pass", "set 2, the signature does not verify"),
        (b"i=1; mx.example.org", b"mx.example.org; i=1", "a set without a number"),
        (b"cv=none", b"cv=pass", "the set 1 says that the chain before it was not good"),
        (b"cv=pass", b"cv=none", "the set 2 says that the chain before it was not good"),
        (b"cv=none", b"cv=fail", "the chain was broken before"),
        (b"cv=pass", b"cv=maybe", "the set 2 says that the chain before it was not good"),
        (b"cv=pass", b"cw=pass", "the tag cv is missing"),
        (b"cv=pass", b"cv=pass; h=from", "a seal with a list of fields"),
        (b"h=from:", b"h=arc-seal:from:", "a signature over a seal"),
        (b"ARC-Seal: a=ed25519-sha256", b"X-Seal: a=ed25519-sha256", "a field of a set is missing"),
        (b"i=2;", b"i=3;", "a field of a set is missing"),
        (b"i=2;", b"i=1;", "two fields of the set 1"),
        (b"i=2;", b"i=0;", "a set without a number"),
        (b"i=2;", b"i=51;", "a set without a number"),
        (b"i=2;", b"i=\xd9\xa2;", "a set without a number"),
        (b"a=ed25519-sha256", b"a=rsa-sha1", "SHA-1 is not accepted"),
        (b"s=one", b"s=none", "set 2, there is no key"),
    ],
)
def test_a_chain_that_was_tampered_with_fails(old: bytes, new: bytes, reason: str) -> None:
    message = times(PLAIN, 2)
    assert old in message
    found = verdict(message.replace(old, new))
    assert (found.result, found.reason) == ("fail", reason)


def test_a_seal_of_long_ago_counts_too() -> None:
    message = times(PLAIN, 3)
    assert verdict(message).result == "pass"
    lines = message.split(b"ARC-Seal:")
    first = lines[-1]
    changed = first.replace(b"t=1700000000", b"t=1700000001", 1)
    found = verdict(b"ARC-Seal:".join([*lines[:-1], changed]))
    assert found.reason is not None
    assert found.reason.startswith("set 3")


def test_a_key_that_cannot_be_asked_for_breaks_the_chain() -> None:
    records: dict[str, str | Answer] = {"one._domainkey.example.org": Answer(Status.FAILED)}
    found = verdict(handed_on(PLAIN), Zone(records))
    assert (found.result, found.reason) == ("fail", "set 1, the key could not be asked for")


def test_a_broken_chain_is_closed_by_who_finds_it_and_nobody_adds_to_it() -> None:
    broken = times(PLAIN, 2).replace(b"Hello", b"Hullo")
    assert verdict(broken).result == "fail"
    closed = handed_on(broken)
    assert b"cv=fail" in closed
    assert closed.startswith(b"ARC-Seal: ")
    assert verdict(closed) == Verdict("arc", "fail", "the chain was broken before")
    assert handed_on(closed) == closed


def test_sets_without_numbers_are_closed_as_well() -> None:
    broken = handed_on(PLAIN).replace(b"i=1; mx", b"mx")
    assert re.search(rb"cv=fail;[^:]*i=2", handed_on(broken))


def test_a_chain_of_fifty_passes_with_few_questions_and_takes_no_more() -> None:
    message = times(PLAIN, 50)
    zone = Zone(RECORDS)
    assert verdict(message, zone).result == "pass"
    assert zone.asked == ["one._domainkey.example.org"] * 2
    assert handed_on(message) == message


def test_a_chain_that_is_broken_at_its_end_asks_for_the_keys_of_the_end_only() -> None:
    message = handed_on(times(PLAIN, 3), RSA).replace(b"Hello", b"Hullo")
    zone = Zone(RECORDS)
    assert verdict(message, zone).result == "fail"
    assert zone.asked == ["two._domainkey.example.com"]


def test_a_header_without_end_is_no_chain_and_is_not_sealed() -> None:
    message = b"X: y\r\n" * 10_000 + handed_on(PLAIN)
    assert verdict(message).reason == "the header is too large"
    assert handed_on(message) == message


def test_dkim_signatures_are_among_what_is_signed() -> None:
    message = handed_on(signed())
    assert verdict(message).result == "pass"
    above, name, below = message.partition(b"DKIM-Signature:")
    assert verdict(above + name + below.replace(b"1700000000", b"1700000001", 1)).result == "fail"
    without = message.replace(signed().removesuffix(PLAIN), b"")
    assert verdict(without).result == "fail"
