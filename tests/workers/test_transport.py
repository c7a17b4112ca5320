"""DANE from end to end: a validating resolver on loopback, a mail server with TLS, and what is concluded of both."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

import dns.message
import dns.rcode
import pytest
import trustme
from cryptography import x509

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result
from pillarbox.formats.tlsa import end_entity
from pillarbox.net.dns.resolver import Resolver
from pillarbox.net.outbound_tls import OutboundTls, peer_chain
from pillarbox.services.transport_policy import TransportPolicy, Way
from pillarbox.services.transport_requirement import Level, Requirement
from pillarbox.workers.transport import Transports
from tests.support.dns_server import Behaviour, from_zones, serving_dns, zone
from tests.support.loopback import serving

ZONE = "$ORIGIN example.org.\n$TTL 300\n@ IN SOA ns h 1 2 3 4 5\n@ IN MX 10 mail\nmail IN A 127.0.0.1\n"
NOW = datetime.now(UTC)
EXPIRED = datetime(2020, 1, 1, tzinfo=UTC)
AUTHORITY = trustme.CA()


def tlsa(usage: int, certificate: trustme.Blob) -> str:
    record = end_entity(x509.load_pem_x509_certificate(certificate.bytes()))
    return zone_text(Tlsa(usage, record.selector, record.matching, record.data))


def zone_text(record: Tlsa) -> str:
    return f"_25._tcp.mail IN TLSA {record.usage} {record.selector} {record.matching} {record.data.hex()}\n"


async def way_to(behaviour: Behaviour) -> TransportPolicy:
    async with serving_dns(behaviour) as server:
        way, _ = await Transports(Resolver(server.settings()), None).find("example.org")
        return way


async def shake_hands(requirement: Requirement, issued: trustme.LeafCert) -> Result | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await reader.read()

    async with serving(talk, context) as port:
        client = OutboundTls().context(is_checked=requirement.is_checked_by_authorities)
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=requirement.server_name
        )
        found = requirement.check(peer_chain(writer.get_extra_info("ssl_object")), NOW)
        writer.close()
    assert names == ["mail.example.org"]
    return found


ANOTHER = AUTHORITY.issue_cert("other.example.org", not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=EXPIRED)


@pytest.mark.parametrize(
    ("usage", "issued", "published", "expected"),
    [
        (3, ANOTHER, ANOTHER.cert_chain_pems[0], None),  # neither its name nor its date matters
        (3, ANOTHER, AUTHORITY.cert_pem, Result.NOT_TRUSTED),
    ],
)
def test_a_server_is_believed_when_the_dns_names_its_key(
    usage: int, issued: trustme.LeafCert, published: trustme.Blob, expected: Result | None
) -> None:
    async def story() -> None:
        way = await way_to(from_zones(zone(ZONE + tlsa(usage, published), is_secure=True)))
        (host,) = way.hosts
        assert (way.way, host.requirement.level, host.addresses) == (Way.OPEN, Level.DANE, ("127.0.0.1",))
        assert await shake_hands(host.requirement, issued) is expected

    asyncio.run(story())


def test_without_validation_the_records_say_nothing() -> None:
    way = asyncio.run(way_to(from_zones(zone(ZONE + tlsa(3, AUTHORITY.cert_pem)))))
    assert way.hosts[0].requirement.level is Level.OPPORTUNISTIC


def test_a_bogus_zone_defers_mail_and_does_not_let_it_go_unprotected() -> None:
    good = from_zones(zone(ZONE, is_secure=True))

    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        """A validating resolver says SERVFAIL where signatures do not verify."""
        if query.question[0].rdtype != dns.rdatatype.TLSA:
            return good(query, is_tcp)
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        return [response.to_wire()]

    way = asyncio.run(way_to(behave))
    assert (way.way, way.hosts[0].failure) == (Way.FAILED, Result.DNSSEC_INVALID)
