"""The demo's authority: what it certifies, what it could not certify, and when it does so anew."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from pillarbox.app.demo.authority import Issued, issue

NOW = datetime.now(UTC)


def connect(authority: Path, server: Path, name: str) -> None:
    """A client that believes the authority asks a server for a name. Raises ssl.SSLError."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(server)
    theirs = ssl.create_default_context(cafile=authority)
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(to_client, to_server, server_hostname=name)
    ends = [client, ours.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(6):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    assert not ends


def octets(issued: Issued) -> tuple[bytes, bytes]:
    return issued.authority.read_bytes(), issued.server.read_bytes()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "example.org", "mail.example.org"])
def test_a_client_that_believes_the_authority_believes_the_server(tmp_path: Path, name: str) -> None:
    issued = issue(tmp_path / "tls", "example.org")
    connect(issued.authority, issued.server, name)


def test_a_certificate_for_another_name_would_not_be_believed(tmp_path: Path) -> None:
    issued = issue(tmp_path, "example.org")
    key = load_pem_private_key((tmp_path / "ca-key.pem").read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    real = x509.load_pem_x509_certificate(issued.server.read_bytes())
    builder = x509.CertificateBuilder(
        real.issuer, real.subject, key.public_key(), 7, real.not_valid_before_utc, real.not_valid_after_utc
    )
    for extension in real.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.DNSName("bank.example")])
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(value, critical=extension.critical)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    made = tmp_path / "made.pem"
    made.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        connect(issued.authority, made, "bank.example")


def test_keys_are_for_nobody_else(tmp_path: Path) -> None:
    issued = issue(tmp_path / "tls", "example.org")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o600}
    assert b"PRIVATE KEY" not in issued.authority.read_bytes()


def test_what_is_good_for_a_while_stays_and_what_is_not_is_made_anew(tmp_path: Path) -> None:
    first = octets(issue(tmp_path, "example.org", NOW))
    assert octets(issue(tmp_path, "example.org", NOW + timedelta(days=300))) == first
    later = octets(issue(tmp_path, "example.org", NOW + timedelta(days=380)))
    assert later[0] == first[0]
    assert later[1] != first[1]
    last = octets(issue(tmp_path, "example.org", NOW + timedelta(days=3_500)))
    assert not set(last) & {*first, *later}


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "server.pem"])
@pytest.mark.parametrize("content", [None, b"", b"junk"])
def test_what_is_broken_is_made_anew(tmp_path: Path, name: str, content: bytes | None) -> None:
    issue(tmp_path, "example.org")
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_bytes(content)
    issued = issue(tmp_path, "example.org")
    connect(issued.authority, issued.server, "localhost")
