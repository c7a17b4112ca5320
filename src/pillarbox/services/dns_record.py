"""Every record that a domain of this server needs in the DNS, as values. Nothing is asked, nothing is written.

Sections: RFC 5321 §5.1 (MX); RFC 7208 §3; RFC 6376 §3.6.2; RFC 9989 §4.7; RFC 8461 §3.1; RFC 8460
§3; RFC 7672 §3.1 (TLSA); RFC 6186 §3, RFC 8314 §5.1, RFC 8620 §2.2 (SRV); RFC 8659 §4, RFC 8657 §3 (CAA); RFC 1912 §2.1
(PTR).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_address

import msgspec

from pillarbox.core.dns import Caa, Mx, Record, Srv, Tlsa
from pillarbox.datatypes.admin.name import domain_name
from pillarbox.formats.mta_sts import Policy
from pillarbox.services.mta_sts_policy import policy_id

_PREFERENCE = 10


class Topic(Enum):
    """What a record is for."""

    HOST = "host"
    REVERSE = "reverse"
    MX = "mx"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    MTA_STS = "mta-sts"
    TLS_REPORTS = "tls-reports"
    TLSA = "tlsa"
    SERVICE = "service"
    CAA = "caa"


class DnsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record. `name` is whole, without the final dot. `is_optional`: mail works without it, if less safely."""

    topic: Topic
    name: str
    type: str
    value: Record
    is_optional: bool = False
    note: str = ""


class Service(msgspec.Struct, frozen=True):
    """Something that is offered: the label of its SRV record, such as `_imaps._tcp`, and its port."""

    label: str
    port: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What records are made of. `keys` are (name, text) of DKIM's; `addresses` are the host's, as far as known."""

    domain: str
    hostname: str
    services: tuple[Service, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    policy: Policy | None = None
    issuer: str = ""
    issuer_account: str = ""
    addresses: tuple[str, ...] = ()


def is_full_name(hostname: str) -> bool:
    """Whether a host's name can stand in the DNS of the world: several labels, and no address."""
    try:
        ip_address(hostname)
    except ValueError:
        return "." in hostname and domain_name(hostname) == hostname
    return False


def records_of(facts: Facts) -> tuple[DnsRecord, ...]:
    """All records of a domain. Its host's name `is_full_name`: nothing here is relative to anything."""
    return (*_of_mail(facts), *_of_host(facts), *_of_services(facts))


def _of_mail(facts: Facts) -> Iterator[DnsRecord]:
    domain, host = facts.domain, facts.hostname
    yield DnsRecord(topic=Topic.MX, name=domain, type="MX", value=Mx(_PREFERENCE, host))
    yield DnsRecord(topic=Topic.SPF, name=domain, type="TXT", value=b"v=spf1 mx -all")
    for name, text in facts.keys:
        yield DnsRecord(topic=Topic.DKIM, name=name, type="TXT", value=text.encode())
    report = f"mailto:postmaster@{domain}"
    dmarc = f"v=DMARC1; p=quarantine; rua={report}"
    yield DnsRecord(topic=Topic.DMARC, name=f"_dmarc.{domain}", type="TXT", value=dmarc.encode())
    tls = f"v=TLSRPTv1; rua={report}"
    yield DnsRecord(
        topic=Topic.TLS_REPORTS, name=f"_smtp._tls.{domain}", type="TXT", value=tls.encode(), is_optional=True
    )
    if facts.policy is not None:
        record = f"v=STSv1; id={policy_id(facts.policy)}"
        note = f"https://mta-sts.{domain}/.well-known/mta-sts.txt has to reach this server, with a certificate"
        yield DnsRecord(topic=Topic.MTA_STS, name=f"mta-sts.{domain}", type="CNAME", value=host, note=note)
        yield DnsRecord(topic=Topic.MTA_STS, name=f"_mta-sts.{domain}", type="TXT", value=record.encode())


def _of_host(facts: Facts) -> Iterator[DnsRecord]:
    host = facts.hostname
    # RFC 7208 §2.3: bounces come from nobody, and are judged by the host's own name.
    if host != facts.domain:
        yield DnsRecord(topic=Topic.SPF, name=host, type="TXT", value=b"v=spf1 a -all")
    for address in facts.addresses:
        pointer, kind = ip_address(address).reverse_pointer, "AAAA" if ":" in address else "A"
        yield DnsRecord(topic=Topic.HOST, name=host, type=kind, value=address)
        note = "who rents out the address sets this, not who has the domain"
        yield DnsRecord(topic=Topic.REVERSE, name=pointer, type="PTR", value=host, note=note)
    for tlsa in facts.tlsa:
        note = "only if the zone is signed; publish the next key's record before the certificate changes"
        yield DnsRecord(topic=Topic.TLSA, name=f"_25._tcp.{host}", type="TLSA", value=tlsa, is_optional=True, note=note)


def _of_services(facts: Facts) -> Iterator[DnsRecord]:
    for service in facts.services:
        value = Srv(0, 1, service.port, facts.hostname)
        yield DnsRecord(
            topic=Topic.SERVICE, name=f"{service.label}.{facts.domain}", type="SRV", value=value, is_optional=True
        )
    if facts.issuer:
        account = f"; accounturi={facts.issuer_account}" if facts.issuer_account else ""
        value_of_issue = Caa(0, "issue", facts.issuer + account)
        for name in dict.fromkeys((facts.domain, facts.hostname)):
            yield DnsRecord(topic=Topic.CAA, name=name, type="CAA", value=value_of_issue, is_optional=True)
