"""Certificates in files, of an authority for one test, and clients that believe it."""

import ssl
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme

from pillarbox.net.tls import TlsContexts, TlsSettings


class CertificateFiles:
    """A folder of PEM files, each with chain and key."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.folder = folder

    def write(self, name: str, *hosts: str, not_after: datetime | None = None) -> Path:
        """A file with a new certificate for these hosts, and its key; one that was there is replaced."""
        made = self._ca.issue_cert(*hosts, not_after=not_after, key_type=trustme.KeyType.ECDSA)
        path = self.folder / name
        path.write_bytes(made.private_key_and_cert_chain_pem.bytes())
        return path

    def write_apart(self, chain: Path, key: Path, *hosts: str) -> None:
        """The same in two files."""
        made = self._ca.issue_cert(*hosts, key_type=trustme.KeyType.ECDSA)
        chain.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())

    def contexts(self, *paths: Path, **settings: object) -> TlsContexts:
        """A server's contexts."""
        return TlsContexts(TlsSettings(certificates=tuple(map(str, paths)), **settings))  # type: ignore[arg-type]

    def client(self, *protocols: str) -> ssl.SSLContext:
        """A client's side, which offers these protocols."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        if protocols:
            context.set_alpn_protocols(protocols)
        return context


def hosts_of(tls: ssl.SSLObject | ssl.SSLSocket) -> list[str]:
    """The names in the certificate that a client was shown."""
    shown: Any = tls.getpeercert() or {}
    return [name for _, name in shown.get("subjectAltName", ())]
