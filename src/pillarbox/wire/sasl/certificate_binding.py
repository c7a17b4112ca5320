"""Channel binding to the server's certificate: tls-server-end-point (RFC 5929 §4)."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes


def server_end_point(certificate: bytes) -> bytes | None:
    """The data that both sides have of a certificate in DER; None where RFC 5929 §4.1 does not define any.

    Raises ValueError when it is no certificate.
    """
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:  # Ed25519 and the like have no hash of their own
        return None
    # RFC 5929 §4.1: "if the certificate's signatureAlgorithm uses a single hash function, and that hash function is
    # either MD5 or SHA-1, then use SHA-256".
    name = "sha256" if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else algorithm.name.replace("-", "_")
    try:
        return hashlib.new(name, certificate).digest()
    except ValueError:
        return None
