"""Whether a certificate is the one that TLSA records speak of, as far as SMTP uses them.

Sections: RFC 6698 §2.1; RFC 7671 §5.1 (DANE-EE), §5.2 (DANE-TA), §10.1.2 (digests); RFC 7672 §3.1 (which usages count),
§3.2 (names and how they are matched); RFC 9525 §6.3 (wildcards).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result

TRUST_ANCHOR, END_ENTITY = 2, 3  # RFC 7672 §3.1.3: the usages 0 and 1 are not usable, as nobody agrees on authorities
_FULL, _KEY = 0, 1
_DIGESTS: dict[int, tuple[int, Callable[[bytes], bytes]]] = {
    1: (32, lambda octets: hashlib.sha256(octets).digest()),
    2: (64, lambda octets: hashlib.sha512(octets).digest()),
}
_MAX_CHAIN = 10
_MAX_PARTS = 20  # of a matching type 0: the octets themselves, which are no work to compare


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that say something to SMTP; a damaged one says nothing (RFC 7672 §2.1.1, §3.1)."""
    return tuple(record for record in records if _is_usable(record))[:_MAX_PARTS]


def check_chain(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime) -> Result | None:
    """What is wrong with a certificate chain in DER, the leaf first; None: one of the usable records matches it.

    `names` are those that the leaf may be for: a trust anchor asks for one of them, an end entity for none, nor for a
    date (RFC 7672 §3.1.1).
    """
    try:
        with warnings.catch_warnings():
            # Of serial numbers of 0 and the like, which self-made certificates have; it is not for us to say.
            warnings.simplefilter("ignore")
            return _check(records, chain, names, now)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion):
        return Result.VALIDATION_FAILURE  # it cannot be read


def _check(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime) -> Result | None:
    if not chain:
        return Result.VALIDATION_FAILURE
    leaf = x509.load_der_x509_certificate(chain[0])
    if any(_matches(record, leaf) for record in records if record.usage == END_ENTITY):
        return None  # whatever came along with it
    certificates = [leaf, *(x509.load_der_x509_certificate(octets) for octets in chain[1:_MAX_CHAIN])]
    anchors = [record for record in records if record.usage == TRUST_ANCHOR]
    found = [one for one in certificates[1:] if any(_matches(record, one) for record in anchors)]
    # RFC 7671 §5.2.2: a whole certificate in the record may be left out of the chain.
    found += [x509.load_der_x509_certificate(r.data) for r in anchors if (r.selector, r.matching) == (_FULL, 0)]
    return _check_path(certificates, found, names, now) if found else Result.NOT_TRUSTED


def is_named(leaf: x509.Certificate, names: Sequence[str]) -> bool:
    """Whether a certificate is for one of these names, in its subjectAltName; `*` is one label, the first."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return False
    own = {name.lower().rstrip(".") for name in found.get_values_for_type(x509.DNSName)}
    return any(name in own or (name.count(".") > 1 and f"*.{name.partition('.')[2]}" in own) for name in names)


def _check_path(
    certificates: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], names: Sequence[str], now: datetime
) -> Result | None:
    leaf = certificates[0]
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return Result.EXPIRED
    any_leaf = ExtensionPolicy.permit_all()
    any_authority = any_leaf.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    policy = PolicyBuilder().store(Store(list(anchors))).time(now)
    verifier = policy.extension_policies(ca_policy=any_authority, ee_policy=any_leaf).build_client_verifier()
    try:
        verifier.verify(leaf, list(certificates[1:]))
    except VerificationError:
        return Result.NOT_TRUSTED
    return None if is_named(leaf, names) else Result.HOST_MISMATCH


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (TRUST_ANCHOR, END_ENTITY) or record.selector not in (_FULL, _KEY):
        return False
    if record.matching == 0:
        return bool(record.data)
    digest = _DIGESTS.get(record.matching)
    return digest is not None and len(record.data) == digest[0]


def _matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    octets = part_of(certificate, record.selector)
    if record.matching == 0:
        return octets == record.data
    return _DIGESTS[record.matching][1](octets) == record.data


def part_of(certificate: x509.Certificate, selector: int) -> bytes:
    """What a selector means of a certificate, in DER: all of it, or its public key with the algorithm."""
    if selector == _FULL:
        return certificate.public_bytes(Encoding.DER)
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def end_entity(certificate: x509.Certificate) -> Tlsa:
    """The record to publish for a certificate: its key's SHA-256, `3 1 1` (RFC 7672 §3.1)."""
    return Tlsa(END_ENTITY, _KEY, 1, hashlib.sha256(part_of(certificate, _KEY)).digest())
