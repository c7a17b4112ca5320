"""A certificate with its chain and key from PEM files: read, checked, and ready for TLS.

Sections: RFC 5280 §4.1.2.5, §4.2.1.6; RFC 7468; RFC 5929 §4.1 (the hash that SCRAM-PLUS binds to).
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_MOST_OCTETS = 1_000_000
_LEAST_RSA_BITS = 2_048
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
# How certbot and its like, and Kubernetes, name the two files of a directory.
_IN_FOLDER = (("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key"))
_USABLE = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)
_DESCRIPTORS = Path("/proc/self/fd")
Stamp = tuple[object, ...]


class CertificateError(Exception):
    """A certificate cannot be used; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a certificate is: the file of the chain, the leaf first, and that of the key, which may be the same."""

    chain: Path
    key: Path

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read a setting: a file that holds both, `CHAIN:KEY`, or a directory with files of usual names."""
        chain, colon, key = text.partition(":")
        if colon:
            return cls(Path(chain), Path(key))
        path = Path(text)
        if path.is_dir():
            for names in _IN_FOLDER:
                if (path / names[0]).exists():
                    return cls(path / names[0], path / names[1])
            return cls(path / _IN_FOLDER[0][0], path / _IN_FOLDER[0][1])
        return cls(path, path)

    def stamp(self) -> Stamp:
        """What differs when a file is another one than before, or is not there. Nothing is read."""
        return tuple(_stamp_of(path) for path in dict.fromkeys((self.chain, self.key)))


def _stamp_of(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. `names` are those of servers, in lower case, perhaps with `*` as the first label."""

    source: Source
    stamp: Stamp
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    end_point: bytes | None  # the hash for channel binding; None where RFC 5929 defines none
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What to call it before people."""
        return self.names[0] if self.names else str(self.source.chain)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context present it. Raises CertificateError."""
        try:
            with _as_file(self.chain + b"\n" + self.key) as path:
                context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, OSError) as error:
            raise CertificateError(f"{self.source.chain}: TLS cannot use it: {error}") from None


def load_certificate(source: Source) -> Certificate:
    """Read and check the files. Raises CertificateError. Whether it has expired is for the caller to say."""
    stamp = source.stamp()  # before reading: a change meanwhile is noticed the next time
    chain, keys = _read(source.chain), _read(source.key)
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
        names = _names(leaf)
        public = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError(f"{source.chain}: there is no usable certificate in PEM: {error}") from None
    if not isinstance(public, _USABLE) or (isinstance(public, rsa.RSAPublicKey) and public.key_size < _LEAST_RSA_BITS):
        raise CertificateError(f"{source.chain}: TLS needs a key of RSA with {_LEAST_RSA_BITS} bits, ECDSA or EdDSA")
    key = _matching_key(source, keys, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return Certificate(
        source, stamp, names, leaf.not_valid_before_utc, leaf.not_valid_after_utc, end_point(leaf), chain, key
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_OCTETS)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from None


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """The host names of a certificate (RFC 5280 §4.2.1.6); the common name has not counted for years."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower().rstrip(".") for name in found.get_values_for_type(x509.DNSName))


def _matching_key(source: Source, octets: bytes, wanted: bytes) -> bytes:
    """The private key that belongs to the public one, in PEM. Raises CertificateError."""
    blocks = _KEY.findall(octets)
    if not blocks:
        raise CertificateError(f"{source.key}: there is no private key in PEM")
    for block in blocks:
        try:
            public = load_pem_private_key(block, None).public_key()
        except TypeError:
            raise CertificateError(f"{source.key}: the private key is under a password, which nobody types") from None
        except (ValueError, UnsupportedAlgorithm) as error:
            raise CertificateError(f"{source.key}: the private key cannot be read: {error}") from None
        if public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == wanted:
            return bytes(block)
    raise CertificateError(f"{source.key}: the private key does not belong to the certificate in {source.chain}")


def end_point(leaf: x509.Certificate) -> bytes | None:
    """The channel binding `tls-server-end-point` (RFC 5929 §4.1): a hash of the certificate."""
    try:
        algorithm = leaf.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:  # signatures such as Ed25519's use no hash function, and for them nothing is defined
        return None
    # RFC 5929 §4.1: for the two weak ones, "use SHA-256".
    is_old = isinstance(algorithm, hashes.MD5 | hashes.SHA1)
    return leaf.fingerprint(hashes.SHA256() if is_old else algorithm)


@contextmanager
def _as_file(octets: bytes) -> Iterator[str]:
    """A path for what is in memory, since TLS loads from files: what was checked is what is loaded."""
    with _memory() if _DESCRIPTORS.is_dir() else tempfile.NamedTemporaryFile("wb") as file:  # of mode 0600
        file.write(octets)
        file.flush()
        yield f"{_DESCRIPTORS}/{file.fileno()}" if _DESCRIPTORS.is_dir() else str(file.name)


def _memory() -> IO[bytes]:
    """A file that is on no disk; Linux has such."""
    return os.fdopen(os.memfd_create("certificate"), "wb")


def _no_password() -> str:
    raise CertificateError("the private key is under a password, which nobody types")
