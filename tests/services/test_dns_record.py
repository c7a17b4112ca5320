"""The records that a domain needs: as values, as lines that other programs read, as fields of forms."""

from typing import Any

import dns.rdatatype
import dns.zone
import pytest
from dns.rdtypes.txtbase import TXTBase

from pillarbox.core.dns import Tlsa
from pillarbox.formats.mta_sts import Mode, Policy
from pillarbox.services.dns_record import Facts, Service, Topic, is_full_name, records_of
from pillarbox.services.dns_record_text import fields, zone_line

LONG = "v=DKIM1; k=rsa; p=" + "A" * 400
FACTS = Facts(
    domain="example.org",
    hostname="mail.example.org",
    services=(Service("_imaps._tcp", 993), Service("_jmap._tcp", 443)),
    keys=(("s1._domainkey.example.org", LONG), ("s2._domainkey.example.org", 'v=DKIM1; k=ed25519; p=x; n="\\')),
    tlsa=(Tlsa(3, 1, 1, b"\xab" * 32),),
    policy=Policy(Mode.ENFORCE, ("mail.example.org",), 86_400),
    issuer="letsencrypt.org",
    issuer_account="https://acme.example/1",
    addresses=("192.0.2.1", "2001:db8::1"),
)


_NOT_FULL = ("localhost", "mail-server", "192.0.2.1", "::1", "", "Mail.example.org", "a..b")


def in_zone(facts: Facts, origin: str) -> dict[tuple[str, str], set[str]]:
    """What another program reads in the lines of the zone."""
    lines = [zone_line(record) for record in records_of(facts) if record.name.endswith(origin)]
    zone = dns.zone.from_text("\n".join(lines), origin=origin, relativize=False, check_origin=False)
    found: dict[tuple[str, str], set[str]] = {}
    for name, _, rdata in zone.iterate_rdatas():
        key = name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rdata.rdtype)
        found.setdefault(key, set()).add(rdata.to_text())
    return found


def test_other_programs_read_the_lines_and_find_every_record() -> None:
    found = in_zone(FACTS, "example.org")
    assert found["example.org", "MX"] == {"10 mail.example.org."}
    assert found["example.org", "TXT"] == {'"v=spf1 mx -all"'}
    assert found["mail.example.org", "TXT"] == {'"v=spf1 a -all"'}
    assert found["mail.example.org", "A"] == {"192.0.2.1"}
    assert found["mail.example.org", "AAAA"] == {"2001:db8::1"}
    assert found["_dmarc.example.org", "TXT"] == {'"v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org"'}
    assert found["_smtp._tls.example.org", "TXT"] == {'"v=TLSRPTv1; rua=mailto:postmaster@example.org"'}
    assert found["mta-sts.example.org", "CNAME"] == {"mail.example.org."}
    assert found["_25._tcp.mail.example.org", "TLSA"] == {"3 1 1 " + "ab" * 32}
    assert found["_imaps._tcp.example.org", "SRV"] == {"0 1 993 mail.example.org."}
    assert found["_jmap._tcp.example.org", "SRV"] == {"0 1 443 mail.example.org."}
    assert found["example.org", "CAA"] == {'0 issue "letsencrypt.org; accounturi=https://acme.example/1"'}
    assert len(found) == 16


def test_long_and_odd_texts_come_out_as_they_went_in() -> None:
    lines = [zone_line(record) for record in records_of(FACTS) if record.topic is Topic.DKIM]
    zone = dns.zone.from_text("\n".join(lines), origin="example.org", relativize=False, check_origin=False)
    texts: dict[str, Any] = {}
    for name, _, rdata in zone.iterate_rdatas("TXT"):
        assert isinstance(rdata, TXTBase)
        texts[name.to_text()] = rdata.strings
    assert {name: b"".join(parts).decode() for name, parts in texts.items()} == {
        f"{n}.": text for n, text in FACTS.keys
    }
    assert [len(part) for part in texts["s1._domainkey.example.org."]] == [255, len(LONG) - 255]


def test_the_pointers_of_addresses_are_told_as_they_are_not_in_the_domain() -> None:
    lines = [zone_line(record) for record in records_of(FACTS) if record.topic is Topic.REVERSE]
    assert lines[0] == "1.2.0.192.in-addr.arpa. 3600 IN PTR mail.example.org."
    assert lines[1].endswith(".8.b.d.0.1.0.0.2.ip6.arpa. 3600 IN PTR mail.example.org.")


def test_nothing_is_relative() -> None:
    for record in records_of(FACTS):
        words = zone_line(record).split()
        assert words[0].endswith(".")
        if record.type in ("MX", "CNAME", "SRV", "PTR"):
            assert words[-1].endswith(".")


def test_forms_get_numbers_in_fields_of_their_own_and_values_without_quotes() -> None:
    found = {(row.type, row.host): row for row in (fields(record, "example.org") for record in records_of(FACTS))}
    mx, service = found["MX", "@"], found["SRV", "_imaps._tcp"]
    assert (mx.value, mx.priority, mx.name) == ("mail.example.org.", 10, "example.org")
    assert (service.value, service.priority, service.weight, service.port) == ("mail.example.org.", 0, 1, 993)
    assert found["TXT", "@"].value == "v=spf1 mx -all"
    key = found["TXT", "s1._domainkey"]
    assert key.value == LONG
    assert [len(part) for part in key.strings] == [255, len(LONG) - 255]
    assert "".join(key.strings) == LONG
    assert found["PTR", "1.2.0.192.in-addr.arpa."].note


def test_a_host_of_another_domain_is_named_whole() -> None:
    rows = [
        fields(record, "example.com") for record in records_of(Facts(domain="example.com", hostname="mail.example.org"))
    ]
    assert next(row for row in rows if row.type == "MX").value == "mail.example.org."
    assert "mail.example.org." in {row.host for row in rows}


def test_only_what_is_offered_is_told() -> None:
    topics = {record.topic for record in records_of(Facts(domain="example.org", hostname="mail.example.org"))}
    assert topics == {Topic.MX, Topic.SPF, Topic.DMARC, Topic.TLS_REPORTS}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mail.example.org", True), *((name, False) for name in _NOT_FULL)],
)
def test_a_full_name_has_labels_and_is_no_address(name: str, expected: bool) -> None:
    assert is_full_name(name) is expected
