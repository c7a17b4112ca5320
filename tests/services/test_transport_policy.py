"""Where mail goes and what has to be proved, by tables of answers."""

import random

import pytest

from pillarbox.core.dns import Answer, Mx, Question, Record, Status, Tlsa, drive
from pillarbox.formats.mta_sts import Mode, Policy
from pillarbox.formats.tls_result import Result
from pillarbox.services.transport_policy import TransportPolicy, Way, policy_for
from pillarbox.services.transport_requirement import Demand, Level, Source

KEY = Tlsa(3, 1, 1, b"k" * 32)
UNUSABLE = Tlsa(1, 1, 1, b"k" * 32)
FAILED = Answer(Status.FAILED)
NO_NAME = Answer(Status.NO_NAME)
STS = Policy(Mode.ENFORCE, ("mail.example.org", "*.backup.example"), 86_400)

Table = dict[tuple[str, str], Answer]


def insecure(*records: Record, canonical: str = "") -> Answer:
    return Answer(Status.FOUND, records, ttl=300, canonical_name=canonical)


def secure(*records: Record, canonical: str = "") -> Answer:
    return Answer(Status.FOUND, records, is_secure=True, ttl=300, canonical_name=canonical)


def none(*, is_secure: bool = False) -> Answer:
    return Answer(Status.NO_DATA, is_secure=is_secure)


MAIL: Table = {
    ("example.org", "MX"): insecure(Mx(10, "mail.example.org")),
    ("mail.example.org", "A"): insecure("192.0.2.1"),
}
SECURE: Table = {
    ("example.org", "MX"): secure(Mx(10, "mail.example.org")),
    ("mail.example.org", "A"): secure("192.0.2.1"),
    ("_25._tcp.mail.example.org", "TLSA"): secure(KEY),
}


def find(table: Table, sts: Policy | None = None, **options: object) -> TransportPolicy:
    def answer(question: Question) -> Answer:
        asked.append((question.name, question.type))
        return table.get((question.name, question.type), none())

    asked.clear()
    return drive(policy_for("example.org", sts, chance=random.Random(1), **options), answer)  # type: ignore[arg-type]


asked: list[tuple[str, str]] = []


def test_hosts_come_by_preference_with_addresses_of_both_families_in_turn() -> None:
    found = find(
        {
            ("example.org", "MX"): insecure(Mx(20, "b.example.org"), Mx(10, "a.example.org")),
            ("a.example.org", "A"): insecure("192.0.2.1", "192.0.2.2", "192.0.2.3"),
            ("a.example.org", "AAAA"): insecure("2001:db8::1"),
            ("b.example.org", "A"): insecure("192.0.2.4"),
        }
    )
    assert found.way is Way.OPEN
    assert [(host.name, host.addresses) for host in found.hosts] == [
        ("a.example.org", ("2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3")),
        ("b.example.org", ("192.0.2.4",)),
    ]
    assert {host.requirement.level for host in found.hosts} == {Level.OPPORTUNISTIC}


def test_equal_hosts_come_by_chance() -> None:
    table = {("example.org", "MX"): insecure(*(Mx(10, f"h{n}.example.org") for n in range(5)))}
    table |= {(f"h{n}.example.org", "A"): insecure("192.0.2.1") for n in range(5)}
    orders = set()
    for seed in range(20):
        lookup = policy_for("example.org", chance=random.Random(seed))
        orders.add(tuple(host.name for host in drive(lookup, lambda q: table.get((q.name, q.type), none())).hosts))
    assert len(orders) > 5


def test_a_domain_without_mx_is_its_own_host() -> None:
    found = find({("example.org", "A"): insecure("192.0.2.1")})
    assert [(host.name, host.addresses) for host in found.hosts] == [("example.org", ("192.0.2.1",))]


@pytest.mark.parametrize(
    ("table", "way"),
    [
        ({("example.org", "MX"): insecure(Mx(0, ""))}, Way.NULL_MX),
        ({("example.org", "MX"): NO_NAME}, Way.NO_DOMAIN),
        ({("example.org", "MX"): FAILED}, Way.FAILED),
        ({("example.org", "MX"): insecure(Mx(10, "mail.example.org"))}, Way.NO_HOST),
        ({}, Way.NO_HOST),
        ({("example.org", "MX"): insecure(Mx(10, "mail.example.org")), ("mail.example.org", "A"): FAILED}, Way.FAILED),
        ({("example.org", "A"): FAILED}, Way.FAILED),
    ],
)
def test_domains_without_a_way_say_why(table: Table, way: Way) -> None:
    assert find(table).way is way


def test_a_domain_of_which_the_mx_are_not_known_is_not_its_own_host() -> None:
    find({("example.org", "MX"): FAILED, ("example.org", "A"): insecure("192.0.2.1")})
    assert asked == [("example.org", "MX")]


def test_a_null_mx_beside_others_is_passed_over() -> None:
    found = find(MAIL | {("example.org", "MX"): insecure(Mx(0, ""), Mx(10, "mail.example.org"))})
    assert [host.name for host in found.hosts] == ["mail.example.org"]


def test_nothing_goes_to_ourselves_nor_to_who_is_behind_us() -> None:
    table = {
        ("example.org", "MX"): insecure(Mx(10, "a.example.org"), Mx(20, "us.example.net"), Mx(20, "b.example.org"))
    }
    table |= {(name, "A"): insecure("192.0.2.1") for name in ("a.example.org", "b.example.org", "us.example.net")}
    assert [host.name for host in find(table, own_names={"us.example.net"}).hosts] == ["a.example.org"]
    assert find(table, own_names={"a.example.org"}).way is Way.OURS


def test_a_domain_with_many_hosts_costs_a_bounded_number_of_questions() -> None:
    table = {("example.org", "MX"): insecure(*(Mx(n, f"h{n}.example.org") for n in range(200)))}
    table |= {(f"h{n}.example.org", "A"): insecure("192.0.2.1") for n in range(200)}
    assert len(find(table).hosts) == 12
    assert len(asked) == 25


def test_one_host_that_fails_does_not_hide_another() -> None:
    table = {
        ("example.org", "MX"): insecure(Mx(10, "a.example.org"), Mx(20, "b.example.org")),
        ("a.example.org", "A"): FAILED,
        ("b.example.org", "A"): insecure("192.0.2.2"),
    }
    found = find(table)
    assert (found.way, [host.failure is None for host in found.hosts]) == (Way.OPEN, [False, True])


# DANE


def test_a_secure_domain_with_tlsa_records_is_proved_by_dane() -> None:
    (host,) = find(SECURE).hosts
    assert (host.requirement.level, host.requirement.tlsa) == (Level.DANE, (KEY,))
    assert (host.requirement.source, host.requirement.needs_tls) == (Source.TLSA, True)
    assert host.requirement.names == ("mail.example.org", "example.org")
    assert host.requirement.server_name == "mail.example.org"


@pytest.mark.parametrize(
    "broken", [("example.org", "MX"), ("mail.example.org", "A"), ("_25._tcp.mail.example.org", "TLSA")]
)
def test_dane_needs_each_answer_to_be_validated(broken: tuple[str, str]) -> None:
    table = SECURE | {broken: insecure(*SECURE[broken].records)}
    (host,) = find(table).hosts
    assert (host.requirement.level, host.failure) == (Level.OPPORTUNISTIC, None)


def test_bogus_tlsa_records_defer_and_never_downgrade() -> None:
    found = find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): FAILED})
    assert found.way is Way.FAILED
    assert found.hosts[0].failure is Result.DNSSEC_INVALID
    assert found.hosts[0].requirement.needs_tls
    # Not even with MTA-STS, whose policy an attacker would like better.
    assert find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): FAILED}, STS).way is Way.FAILED


def test_bogus_addresses_defer() -> None:
    found = find(SECURE | {("mail.example.org", "A"): FAILED})
    assert (found.way, found.hosts[0].failure) == (Way.FAILED, Result.DNSSEC_INVALID)


def test_a_secure_domain_without_tlsa_records_is_opportunistic() -> None:
    for answer in (none(is_secure=True), Answer(Status.NO_NAME, is_secure=True), none()):
        (host,) = find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): answer}).hosts
        assert (host.requirement.level, host.failure) == (Level.OPPORTUNISTIC, None)


def test_records_of_which_none_is_usable_ask_for_tls_that_is_not_checked() -> None:
    (host,) = find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): secure(UNUSABLE)}).hosts
    assert (host.requirement.level, host.requirement.needs_tls) == (Level.ENCRYPTED, True)
    (host,) = find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): secure(UNUSABLE, KEY)}).hosts
    assert (host.requirement.level, host.requirement.tlsa) == (Level.DANE, (KEY,))


def test_the_implicit_mx_of_a_secure_domain_is_proved_by_dane() -> None:
    (host,) = find(
        {
            ("example.org", "MX"): none(is_secure=True),
            ("example.org", "A"): secure("192.0.2.1"),
            ("_25._tcp.example.org", "TLSA"): secure(KEY),
        }
    ).hosts
    assert host.requirement.level is Level.DANE


def test_a_host_that_is_a_secure_alias_has_its_records_where_it_leads_or_else_at_its_own_name() -> None:
    table = SECURE | {("mail.example.org", "A"): secure("192.0.2.1", canonical="host.example.net")}
    table.pop(("_25._tcp.mail.example.org", "TLSA"))
    (host,) = find(table | {("_25._tcp.host.example.net", "TLSA"): secure(KEY)}).hosts
    assert host.requirement.names == ("host.example.net", "mail.example.org", "example.org")
    assert asked[-1] == ("_25._tcp.host.example.net", "TLSA")
    (host,) = find(table | {("_25._tcp.mail.example.org", "TLSA"): secure(KEY)}).hosts
    assert host.requirement.server_name == "mail.example.org"
    assert (
        find(
            table | {("_25._tcp.host.example.net", "TLSA"): FAILED, ("_25._tcp.mail.example.org", "TLSA"): secure(KEY)}
        ).way
        is Way.FAILED
    )


def test_an_alias_from_a_signed_zone_to_an_unsigned_one_has_its_records_at_its_own_name() -> None:
    table = SECURE | {("mail.example.org", "A"): insecure("192.0.2.1", canonical="host.example.net")}
    (host,) = find(table | {("mail.example.org", "CNAME"): secure("host.example.net")}).hosts
    assert (host.requirement.level, host.requirement.server_name) == (Level.DANE, "mail.example.org")
    assert ("_25._tcp.host.example.net", "TLSA") not in asked
    (host,) = find(table | {("mail.example.org", "CNAME"): insecure("host.example.net")}).hosts
    assert host.requirement.level is Level.OPPORTUNISTIC
    assert find(table | {("mail.example.org", "CNAME"): FAILED}).way is Way.FAILED


# MTA-STS


def test_a_policy_asks_for_a_certificate_of_the_host() -> None:
    (host,) = find(MAIL, STS).hosts
    requirement = host.requirement
    assert (requirement.level, requirement.names, requirement.source) == (
        Level.WEBPKI,
        ("mail.example.org",),
        Source.STS,
    )
    assert requirement.needs_tls


def test_hosts_that_a_policy_does_not_name_are_not_used() -> None:
    table = {
        ("example.org", "MX"): insecure(Mx(10, "evil.example"), Mx(20, "mail.example.org"), Mx(30, "a.backup.example")),
        ("evil.example", "A"): insecure("203.0.113.66"),
        ("mail.example.org", "A"): insecure("192.0.2.1"),
        ("a.backup.example", "A"): insecure("192.0.2.2"),
    }
    assert [host.failure for host in find(table, STS).hosts] == [Result.VALIDATION_FAILURE, None, None]
    assert find({**table, ("example.org", "MX"): insecure(Mx(10, "evil.example"))}, STS).way is Way.FAILED


def test_a_policy_in_testing_is_looked_at_and_not_enforced() -> None:
    testing = Policy(Mode.TESTING, ("other.example",), 86_400)
    (host,) = find(MAIL, testing).hosts
    assert (host.requirement.level, host.requirement.is_enforced) == (Level.WEBPKI, False)
    assert (host.requirement.needs_tls, host.failure) == (False, None)


def test_a_policy_of_mode_none_is_no_policy() -> None:
    (host,) = find(MAIL, Policy(Mode.NONE, (), 86_400)).hosts
    assert host.requirement.level is Level.OPPORTUNISTIC


def test_dane_goes_before_a_policy() -> None:
    (host,) = find(SECURE, STS).hosts
    assert host.requirement.level is Level.DANE
    (host,) = find(SECURE | {("_25._tcp.mail.example.org", "TLSA"): secure(UNUSABLE)}, STS).hosts
    assert host.requirement.level is Level.WEBPKI


# What the sender asks


def test_require_tls_asks_for_a_host_that_dnssec_or_a_policy_names() -> None:
    (host,) = find(MAIL, demand=Demand.REQUIRE_TLS).hosts
    assert host.failure is Result.DNSSEC_INVALID
    (host,) = find(MAIL, STS, demand=Demand.REQUIRE_TLS).hosts
    assert (host.requirement.level, host.failure) == (Level.WEBPKI, None)
    (host,) = find(MAIL, Policy(Mode.TESTING, ("mail.example.org",), 1), demand=Demand.REQUIRE_TLS).hosts
    assert host.requirement.needs_tls
    (host,) = find(SECURE, demand=Demand.REQUIRE_TLS).hosts
    assert host.requirement.level is Level.DANE
    secure_without = SECURE | {("_25._tcp.mail.example.org", "TLSA"): none(is_secure=True)}
    (host,) = find(secure_without, demand=Demand.REQUIRE_TLS).hosts
    assert (host.requirement.level, host.failure) == (Level.WEBPKI, None)


def test_a_message_that_must_arrive_passes_over_all_policies() -> None:
    (host,) = find(SECURE, STS, demand=Demand.ANY).hosts
    assert (host.requirement.level, host.failure) == (Level.OPPORTUNISTIC, None)
    assert ("_25._tcp.mail.example.org", "TLSA") not in asked
