"""Binding to certificates, with each kind of signature."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from pillarbox.wire.sasl.certificate_binding import server_end_point


def certificate(key: Any, algorithm: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        (hashes.SHA256(), "sha256"),
        (hashes.SHA384(), "sha384"),
        (hashes.SHA512(), "sha512"),
        (hashes.SHA224(), "sha224"),
    ],
)
def test_the_binding_is_the_certificates_hash_by_the_hash_of_its_signature(algorithm: Any, name: str) -> None:
    der = certificate(ec.generate_private_key(ec.SECP256R1()), algorithm)
    assert server_end_point(der) == hashlib.new(name, der).digest()


def test_sha_1_is_replaced_by_sha_256() -> None:
    # Nobody signs by SHA-1 any more; the names of the two, sha256WithRSAEncryption and sha1With..., are equally long.
    der = certificate(rsa.generate_private_key(65537, 2048), hashes.SHA256())
    old = der.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    assert old != der
    assert server_end_point(old) == hashlib.sha256(old).digest()


def test_a_signature_without_a_hash_has_no_binding() -> None:
    assert server_end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="asn1"):
        server_end_point(b"\x30\x03\x02\x01\x01")
