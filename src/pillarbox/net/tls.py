"""TLS as a server: certificates chosen by the name that a client asks for, and contexts for each protocol.

Sections: RFC 8446; RFC 9325 (which versions and ciphers); RFC 6066 §3 (SNI); RFC 9525 §6.3 (wildcards); RFC 7301 and
RFC 9325 §3.8 (ALPN, against cross-protocol attacks); RFC 5929 §4 and RFC 9266 (channel binding).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from pillarbox.net import observed
from pillarbox.net.certificate import Certificate, CertificateError, Source, load_certificate
from pillarbox.wire.tls.client_hello import ClientHello

# RFC 9325 §4.2: forward secrecy, and encryption with authentication in one. Those of TLS 1.3 are always such.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
HTTP, IMAP, POP3, MANAGESIEVE = "http/1.1", "imap", "pop3", "managesieve"  # as IANA's list of ALPN names has them
SMTP = "smtp"  # which that list has not: a client that names protocols at all is welcome by this name only
PROTOCOLS = (HTTP, IMAP, POP3, MANAGESIEVE, SMTP)
_SOON_DAYS = 14


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator says about TLS."""

    # Each is a file with chain and key, `CHAIN:KEY`, or a directory. The first is for clients that ask for no name, or
    # for one that no certificate has.
    certificates: tuple[str, ...] = ()
    min_version: Literal["1.2", "1.3"] = "1.2"
    # Whether clients may resume a session without a whole handshake; some mail servers of Microsoft stumble over it.
    session_tickets: bool = True


class ForeignProtocol(Exception):
    """A client wants to speak protocols that are not spoken here."""


class ServerContext(ssl.SSLContext):
    """A context that presents one certificate, for one protocol."""

    certificate: Certificate


class TlsContexts:
    """All certificates of a server, and their contexts. Made before the fork, all processes know each other's tickets.

    Certificates are replaced as a whole, so any thread may reload them while others use them.
    """

    def __init__(self, settings: TlsSettings) -> None:
        """Load everything. Raises CertificateError for the first certificate that cannot be used."""
        self._settings = settings
        sources = [Source.parse(text) for text in settings.certificates]
        if not sources:
            raise CertificateError("tls.certificates names none, and TLS needs one")
        self._loaded = tuple(self._make(load_certificate(source)) for source in sources)
        self._by_name = _by_name(self._loaded)
        self._tried = tuple(one[HTTP].certificate.stamp for one in self._loaded)

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Those that are in use, the default first."""
        return tuple(contexts[HTTP].certificate for contexts in self._loaded)

    def context(self, alpn: str, server_name: str = "") -> ServerContext:
        """The context for a protocol, with the certificate for a name; an unknown name gets the default one."""
        # Some clients write the dot of the root, which RFC 6066 §3 does not want, and any case.
        name = server_name.lower().rstrip(".")
        found = self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2]) or self._loaded[0]
        return found[alpn]

    def choose(self, alpn: str, hello: ClientHello) -> ServerContext:
        """The context for what a client said. Raises ForeignProtocol when it names protocols, and not this one."""
        if hello.protocols is not None and alpn.encode() not in hello.protocols:
            raise ForeignProtocol
        return self.context(alpn, hello.server_name)

    def reload(self) -> None:
        """Load anew what has other files than before. What cannot be used is told, and the one before stays."""
        before, loaded, tried = self._loaded, [], []
        for contexts, last_tried in zip(before, self._tried, strict=True):
            certificate = contexts[HTTP].certificate
            stamp = certificate.source.stamp()
            tried.append(stamp)
            loaded.append(contexts if stamp in (certificate.stamp, last_tried) else self._replaced(contexts))
        self._loaded, self._tried = tuple(loaded), tuple(tried)
        self._by_name = _by_name(self._loaded)
        for old, contexts in zip(before, loaded, strict=True):
            if contexts is not old:
                new = contexts[HTTP].certificate
                observed.CERTIFICATE_LOADED.log(certificate=new.name, until=f"{new.not_after:%Y-%m-%d}")

    def _replaced(self, contexts: Mapping[str, ServerContext]) -> Mapping[str, ServerContext]:
        old = contexts[HTTP].certificate
        try:
            return self._make(load_certificate(old.source))
        except CertificateError as error:
            observed.CERTIFICATE_REFUSED.log(certificate=old.name, reason=str(error))
            return contexts

    def _make(self, certificate: Certificate) -> Mapping[str, ServerContext]:
        return {alpn: self._context(certificate, alpn) for alpn in PROTOCOLS}

    def _context(self, certificate: Certificate, alpn: str) -> ServerContext:
        context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
        context.certificate = certificate
        context.minimum_version = _VERSIONS[self._settings.min_version]
        context.set_ciphers(_CIPHERS)
        # A client that asks for handshakes without end would be work for us alone (RFC 9325 §3.5).
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        if not self._settings.session_tickets:
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        context.set_alpn_protocols([alpn])
        certificate.load_into(context)
        return context


def _by_name(loaded: Sequence[Mapping[str, ServerContext]]) -> dict[str, Mapping[str, ServerContext]]:
    """The contexts by the names of their certificates; the first one that has a name wins."""
    return {name: contexts for contexts in reversed(loaded) for name in contexts[HTTP].certificate.names}


def warn(certificates: Sequence[Certificate], now: datetime | None = None) -> None:
    """Say in the log which certificates clients do not believe, or soon will not."""
    now = now or datetime.now(UTC)
    for certificate in certificates:
        days = (certificate.not_after - now).days
        if certificate.not_after <= now:
            observed.CERTIFICATE_EXPIRED.log(certificate=certificate.name, since=f"{certificate.not_after:%Y-%m-%d}")
        elif certificate.not_before > now:
            observed.CERTIFICATE_EARLY.log(certificate=certificate.name, until=f"{certificate.not_before:%Y-%m-%d}")
        elif days < _SOON_DAYS:
            observed.CERTIFICATE_EXPIRES.log(certificate=certificate.name, days=days)


def channel_binding(tls: ssl.SSLObject | None) -> bytes | None:
    """What SCRAM-PLUS binds to as `tls-server-end-point` (RFC 5929 §4); None without TLS, or where none is defined.

    It takes what a transport calls `ssl_object`. Python's library offers no `tls-exporter` (RFC 9266).
    """
    if tls is None or not isinstance(tls.context, ServerContext):
        return None
    return tls.context.certificate.end_point


def tls_of(transport: asyncio.BaseTransport) -> ssl.SSLObject | None:
    """The TLS of a connection; None in the clear."""
    found: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return found


def bindings_of(transport: asyncio.BaseTransport) -> Mapping[str, bytes]:
    """What SCRAM-PLUS may bind to, by the name of its kind (RFC 5929 §4)."""
    binding = channel_binding(tls_of(transport))
    return {"tls-server-end-point": binding} if binding is not None else {}
