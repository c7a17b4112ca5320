"""What the settings and the store say of the records that a domain needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pillarbox.app.config.settings import Settings
from pillarbox.core.dns import Question, Tlsa
from pillarbox.datatypes.admin.dkim_key import keys_of
from pillarbox.datatypes.admin.domain import Domain
from pillarbox.datatypes.admin.name import domain_name
from pillarbox.datatypes.view import View
from pillarbox.net.certificate import Source, load_certificate
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.outbound_url import UrlError, parse_url
from pillarbox.net.socket_address import parse_socket_address
from pillarbox.services.dns_record import Facts, Service, is_full_name
from pillarbox.services.mta_sts_policy import own_policy

# The label of each service (RFC 6186 §3, RFC 8314 §5.1), the setting of its listener, and the port clients expect.
_LISTENERS = (
    ("_submissions._tcp", "submission.tls_listen", 465),
    ("_submission._tcp", "submission.listen", 587),
    ("_imaps._tcp", "imap.tls_listen", 993),
    ("_imap._tcp", "imap.listen", 143),
    ("_pop3s._tcp", "pop3.tls_listen", 995),
    ("_pop3._tcp", "pop3.listen", 110),
)
_LOOPBACK = ("127.", "localhost", "[::1]", "unix:")


class FactsError(Exception):
    """The settings do not say enough to name records; the message says what to do."""


def facts_of(
    settings: Settings, view: View, domain: Domain, issuer: tuple[str, str], addresses: Iterable[str]
) -> Facts:
    """The facts about one domain. Raises FactsError and CertificateError."""
    hostname = domain_name(settings.hostname) or settings.hostname
    if not is_full_name(hostname):
        raise FactsError(
            f"hostname is {settings.hostname!r}, which is no full name: set it to that of the mail server, such as"
            f" mail.{domain.name}"
        )
    keys = [(key.dns_name, key.record) for key in keys_of(view, domain.id) if key.record]
    return Facts(
        domain=domain.name,
        hostname=hostname,
        services=tuple(_services(settings)),
        keys=tuple(keys),
        tlsa=_tlsa(settings),
        policy=own_policy(domain, hostname),
        issuer=issuer[0],
        issuer_account=issuer[1],
        addresses=tuple(addresses),
    )


def domain_named(view: View, name: str) -> Domain | None:
    """The domain of this name, however it is written."""
    from pillarbox.datatypes.admin.domain import domain_of  # noqa: PLC0415

    return domain_of(view, domain_name(name) or name)


async def addresses_of(resolver: Resolves, hostname: str) -> tuple[str, ...]:
    """What the DNS says of the host's addresses."""
    four, six = await resolver.ask(Question(hostname, "A")), await resolver.ask(Question(hostname, "AAAA"))
    return (*four.texts(), *six.texts())


def _services(settings: Settings) -> Iterable[Service]:
    for label, setting, port in _LISTENERS:
        if any(not address.startswith(_LOOPBACK) for address in _listeners(settings, setting)):
            yield Service(label, _port(_listeners(settings, setting), port))
    try:
        url = parse_url(settings.http.public_url or "")
    except UrlError:
        return
    if url.is_secure:
        yield Service("_jmap._tcp", url.port)


def _listeners(settings: Settings, name: str) -> Sequence[str]:
    """The addresses that a setting names; none where this server has no such setting."""
    found: Any = settings
    for part in name.split("."):
        found = getattr(found, part, ())
    return tuple(found)


def _port(addresses: Sequence[str], usual: int) -> int:
    """The usual port when it is among them, as behind a proxy nobody knows better; or the first that is above 1023."""
    found = [parsed[1] for text in addresses if isinstance(parsed := parse_socket_address(text), tuple)]
    return usual if usual in found or not found else found[0]


def _tlsa(settings: Settings) -> tuple[Tlsa, ...]:
    """The records of all certificates that are served. Only who has any loads what reads them."""
    if not settings.tls.certificates:
        return ()
    from cryptography import x509  # noqa: PLC0415

    from pillarbox.formats.tlsa import end_entity  # noqa: PLC0415

    chains = [load_certificate(Source.parse(text)).chain for text in settings.tls.certificates]
    return tuple(dict.fromkeys(end_entity(x509.load_pem_x509_certificates(chain)[0]) for chain in chains))
