"""TLSA records against real chains."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result
from pillarbox.formats.tlsa import check_chain, end_entity, part_of, usable

NOW = datetime.now(UTC)
LATER = datetime(3001, 1, 1, tzinfo=UTC)  # when no certificate of the tests is valid any more
ROOT = trustme.CA()
BETWEEN = ROOT.create_child_ca()
ISSUED = BETWEEN.issue_cert("mail.example.org", "*.hosts.example.org")
CHAIN = [x509.load_pem_x509_certificate(pem.bytes()) for pem in ISSUED.cert_chain_pems]
LEAF, INTERMEDIATE = CHAIN
ANCHOR = x509.load_pem_x509_certificate(ROOT.cert_pem.bytes())
OTHER = x509.load_pem_x509_certificate(trustme.CA().cert_pem.bytes())
NAMES = ("mail.example.org", "example.org")


def der(*certificates: x509.Certificate) -> tuple[bytes, ...]:
    return tuple(one.public_bytes(Encoding.DER) for one in certificates)


def record(usage: int, certificate: x509.Certificate, selector: int = 1, matching: int = 1) -> Tlsa:
    part = part_of(certificate, selector)
    return Tlsa(
        usage,
        selector,
        matching,
        {0: part, 1: hashlib.sha256(part).digest(), 2: hashlib.sha512(part).digest()}[matching],
    )


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_an_end_entity_is_matched_by_each_selector_and_digest(selector: int, matching: int) -> None:
    assert check_chain([record(3, LEAF, selector, matching)], der(LEAF), (), NOW) is None
    assert check_chain([record(3, OTHER, selector, matching)], der(LEAF), NAMES, NOW) is Result.NOT_TRUSTED


def test_an_end_entity_needs_no_name_no_date_and_no_authority() -> None:
    assert check_chain([record(3, LEAF)], der(LEAF), ("other.example",), LATER) is None


def test_what_comes_along_with_an_end_entity_may_be_broken() -> None:
    assert check_chain([record(3, LEAF)], (*der(LEAF), b"nonsense"), (), NOW) is None


def test_an_end_entity_is_the_leaf_only() -> None:
    assert check_chain([record(3, INTERMEDIATE)], der(LEAF, INTERMEDIATE), NAMES, NOW) is Result.NOT_TRUSTED


@pytest.mark.parametrize(
    ("anchor", "sent"), [(INTERMEDIATE, CHAIN), (ANCHOR, [*CHAIN, ANCHOR]), (ANCHOR, [LEAF, ANCHOR, INTERMEDIATE])]
)
@pytest.mark.parametrize("selector", [0, 1])
def test_a_trust_anchor_anywhere_in_the_chain_is_believed(
    anchor: x509.Certificate, sent: list[x509.Certificate], selector: int
) -> None:
    assert check_chain([record(2, anchor, selector)], der(*sent), NAMES, NOW) is None


def test_a_trust_anchor_that_is_whole_in_the_record_may_be_missing_in_the_chain() -> None:
    assert check_chain([record(2, ANCHOR, 0, 0)], der(*CHAIN), NAMES, NOW) is None
    assert check_chain([record(2, ANCHOR, 0, 1)], der(*CHAIN), NAMES, NOW) is Result.NOT_TRUSTED


def test_a_trust_anchor_asks_for_a_name() -> None:
    anchor = [record(2, INTERMEDIATE)]
    assert check_chain(anchor, der(*CHAIN), ("other.example.org",), NOW) is Result.HOST_MISMATCH
    assert check_chain(anchor, der(*CHAIN), (), NOW) is Result.HOST_MISMATCH
    assert check_chain(anchor, der(*CHAIN), ("other.example.org", "a.hosts.example.org"), NOW) is None
    assert check_chain(anchor, der(*CHAIN), ("a.b.hosts.example.org",), NOW) is Result.HOST_MISMATCH
    assert check_chain(anchor, der(*CHAIN), ("hosts.example.org",), NOW) is Result.HOST_MISMATCH


def test_a_trust_anchor_asks_for_the_date() -> None:
    assert check_chain([record(2, INTERMEDIATE)], der(*CHAIN), NAMES, LATER) is Result.EXPIRED


def test_an_anchor_that_only_travels_along_vouches_for_nothing() -> None:
    """The attacker's own leaf, beside the authority that the record names."""
    forged = trustme.CA().issue_cert("mail.example.org").cert_chain_pems[0].bytes()
    chain = der(x509.load_pem_x509_certificate(forged), INTERMEDIATE)
    assert check_chain([record(2, INTERMEDIATE)], chain, NAMES, NOW) is Result.NOT_TRUSTED


def test_a_leaf_vouches_for_no_other_leaf() -> None:
    """Somebody who has a certificate of the authority makes one for another name with it."""
    key = load_pem_private_key(ISSUED.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    forged = (
        x509.CertificateBuilder(
            LEAF.subject, x509.Name([]), key.public_key(), 1, NOW - timedelta(1), NOW + timedelta(9)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mail.example.org")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    for anchor in (LEAF, INTERMEDIATE):
        assert check_chain([record(2, anchor)], der(forged, LEAF, INTERMEDIATE), NAMES, NOW) is Result.NOT_TRUSTED


def test_one_record_that_matches_is_enough() -> None:
    assert check_chain([record(3, OTHER), record(2, OTHER), record(3, LEAF)], der(*CHAIN), (), NOW) is None


def test_an_empty_or_damaged_chain_matches_nothing() -> None:
    for chain in [(), (b"",), (b"\x30\x03abc",), (der(LEAF)[0][:-7],)]:
        assert check_chain([record(2, LEAF)], chain, NAMES, NOW) is Result.VALIDATION_FAILURE


def test_records_that_smtp_does_not_use_or_that_are_damaged_are_not_usable() -> None:
    good = [record(2, LEAF), record(3, LEAF), record(3, LEAF, 0, 0), record(3, LEAF, 1, 2)]
    bad = [
        record(0, LEAF),
        record(1, LEAF),
        Tlsa(4, 1, 1, b"x" * 32),
        Tlsa(3, 2, 1, b"x" * 32),
        Tlsa(3, 1, 3, b"x" * 32),
        Tlsa(3, 1, 1, b"x" * 31),
        Tlsa(3, 1, 2, b"x" * 32),
        Tlsa(3, 1, 0, b""),
    ]
    assert usable([*bad, *good]) == tuple(good)
    assert usable(bad) == ()


def test_what_is_published_for_a_certificate_matches_it() -> None:
    assert check_chain([end_entity(LEAF)], der(LEAF), (), NOW) is None
    assert (end_entity(LEAF).usage, end_entity(LEAF).selector, end_entity(LEAF).matching) == (3, 1, 1)
