"""The demo's certificate authority: of its own, and good for nothing but the demo's names (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CA_DAYS, _DAYS = 3_650, 397  # some clients believe no certificate for longer than that
_LEAST_CA_DAYS, _LEAST_DAYS = 400, 30
_SKEW = timedelta(hours=1)  # for clients whose clock is slow
_ADDRESSES = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_NETWORKS = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_SECRET, _PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Issued:
    """The files of the authority's certificate, which clients have to believe, and of the server's, with its key."""

    authority: Path
    server: Path


def issue(folder: Path, domain: str, now: datetime | None = None) -> Issued:
    """Certificates for loopback and a domain; what is in the folder already and good for a while is left alone."""
    now = now or datetime.now(UTC)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    issued = Issued(folder / "ca.pem", folder / "server.pem")
    key_file = folder / "ca-key.pem"
    found = _read(issued.authority, key_file, now + timedelta(days=_LEAST_CA_DAYS))
    if found is None:
        found = _make_authority(domain, now)
        _write(key_file, _pem(found[1]), _SECRET)
        _write(issued.authority, found[0].public_bytes(Encoding.PEM), _PUBLIC)
        issued.server.unlink(missing_ok=True)  # it is of another authority
    if _read(issued.server, issued.server, now + timedelta(days=_LEAST_DAYS)) is None:
        leaf, key = _make_server(domain, now, *found)
        _write(issued.server, leaf.public_bytes(Encoding.PEM) + _pem(key), _SECRET)
    return issued


Pair = tuple[x509.Certificate, EllipticCurvePrivateKey]


def _read(file: Path, key_file: Path, good_until: datetime) -> Pair | None:
    """What was made before; None if it is not there, not ours, or not good for long."""
    with contextlib.suppress(OSError, ValueError):
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
        if isinstance(key, EllipticCurvePrivateKey) and certificate.not_valid_after_utc > good_until:
            return (certificate, key) if key.public_key() == certificate.public_key() else None
    return None


def _make_authority(domain: str, now: datetime) -> Pair:
    key = generate_private_key(SECP256R1())
    name = _name("Pillarbox demo authority")
    permitted = [x509.DNSName("localhost"), x509.DNSName(domain), *(x509.IPAddress(network) for network in _NETWORKS)]
    extensions = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(for_authority=True), True),
        # Whoever lets a browser believe the demo lets it believe nothing else: its key is no key to the world.
        (x509.NameConstraints(permitted, None), True),
    ]
    return _sign(name, key, name, key, (now, _CA_DAYS), extensions), key


def _make_server(
    domain: str, now: datetime, authority: x509.Certificate, authority_key: EllipticCurvePrivateKey
) -> Pair:
    key = generate_private_key(SECP256R1())
    hosts = [x509.DNSName(name) for name in ("localhost", domain, f"*.{domain}")]
    names = [*hosts, *(x509.IPAddress(address) for address in _ADDRESSES)]
    extensions = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(for_authority=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(names), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False),
    ]
    return _sign(_name("Pillarbox demo"), key, authority.subject, authority_key, (now, _DAYS), extensions), key


def _sign(
    subject: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: EllipticCurvePrivateKey,
    time: tuple[datetime, int],
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    begins, days = time
    builder = x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), begins - _SKEW, begins + timedelta(days=days)
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(*, for_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not for_authority,
        key_cert_sign=for_authority,
        crl_sign=for_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, octets: bytes, mode: int) -> None:
    """Put a file there whole, and never for a moment readable by others than it should be."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(octets)
    temporary.replace(path)
