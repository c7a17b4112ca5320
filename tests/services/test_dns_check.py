"""What is published, against what is needed."""

import msgspec
import pytest

from pillarbox.core.dns import Answer, Mx, Question, Record, Srv, Status, Tlsa, drive
from pillarbox.formats.mta_sts import Mode, Policy
from pillarbox.services.dns_check import Finding, State, checks, is_bad
from pillarbox.services.dns_record import Facts, Service, Topic, records_of

FACTS = Facts(
    domain="example.org",
    hostname="mail.example.org",
    services=(Service("_imaps._tcp", 993),),
    keys=(("s1._domainkey.example.org", "v=DKIM1; k=rsa; p=AAAA"),),
    tlsa=(Tlsa(3, 1, 1, b"\xab" * 32),),
    policy=Policy(Mode.ENFORCE, ("mail.example.org",), 86_400),
    issuer="letsencrypt.org",
    addresses=("192.0.2.1",),
)
Table = dict[tuple[str, str], tuple[Record, ...]]


def published(facts: Facts = FACTS) -> Table:
    """Everything, as it should be."""
    table: Table = {}
    for record in records_of(facts):
        if record.type == "CNAME":  # as a resolver answers who asks for addresses
            table[record.name, "A"] = facts.addresses
        else:
            key = record.name, record.type
            table[key] = (*table.get(key, ()), record.value)
    return table


def find(
    table: Table, facts: Facts = FACTS, failing: frozenset[str] = frozenset(), signed: bool = True
) -> list[Finding]:
    def answer(question: Question) -> Answer:
        if question.name in failing:
            return Answer(Status.FAILED)
        records = table.get((question.name, question.type), ())
        return Answer(Status.FOUND if records else Status.NO_DATA, records, is_secure=signed)

    return [drive(lookup, answer) for _, lookup in checks(facts)]


def one(findings: list[Finding], topic: Topic, type: str = "", name: str = "") -> Finding:
    (found,) = [f for f in findings if f.topic == topic.value and type in ("", f.type) and name in ("", f.name)]
    return found


def test_what_was_told_to_be_published_is_right_when_it_is() -> None:
    findings = find(published())
    assert {finding.state for finding in findings} == {State.OK}
    assert [finding.advice for finding in findings if finding.advice] == []
    assert not is_bad(findings)


def test_where_nothing_is_published_each_record_is_missing_with_what_to_add() -> None:
    findings = find({}, signed=False)
    assert one(findings, Topic.MX).state is State.MISSING
    assert one(findings, Topic.MX).advice == "add example.org. MX 10 mail.example.org."
    assert one(findings, Topic.TLSA).state is State.ADVICE
    assert one(findings, Topic.SERVICE).state is State.ADVICE
    assert {f.state for f in findings} == {State.MISSING, State.ADVICE}
    assert is_bad(findings)


def test_a_dns_that_does_not_answer_is_not_taken_for_an_empty_one() -> None:
    finding = one(find(published(), failing=frozenset({"_dmarc.example.org"})), Topic.DMARC)
    assert finding.state is State.UNKNOWN


def test_a_wrong_mx_is_told_with_what_was_found() -> None:
    finding = one(find(published() | {("example.org", "MX"): (Mx(10, "mail.example.net"),)}), Topic.MX)
    assert (finding.state, finding.found, finding.expected) == (
        State.WRONG,
        ("10 mail.example.net.",),
        "10 mail.example.org.",
    )


def test_further_mx_are_in_order_and_one_before_ours_is_noted() -> None:
    both = (Mx(5, "filter.example.net"), Mx(10, "mail.example.org"))
    finding = one(find(published() | {("example.org", "MX"): both}), Topic.MX)
    assert finding.state is State.OK
    assert "filter.example.net first" in finding.advice


SPF = ("example.org", "TXT")


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ((b"v=spf1 mx -all",), State.OK),
        ((b"v=spf1 ip4:192.0.2.0/24 include:_spf.example.net ~all",), State.OK),
        ((b"google-site-verification=x", b"v=spf1 mx include:_spf.example.net ?all"), State.OK),
        ((b"v=spf1 include:_spf.example.net -all",), State.WRONG),
        ((b"v=spf1 -all",), State.WRONG),
        ((b"v=spf1 mx -all", b"v=spf1 a -all"), State.WRONG),
        ((b"v=spf1 nonsense:x -all",), State.WRONG),
        ((b"google-site-verification=x",), State.MISSING),
        ((), State.MISSING),
    ],
)
def test_any_spf_record_that_lets_us_pass_is_right(records: tuple[bytes, ...], state: State) -> None:
    table = published() | {SPF: records, ("_spf.example.net", "TXT"): (b"v=spf1 ip4:203.0.113.1 -all",)}
    finding = one(find(table), Topic.SPF, name="example.org")
    assert finding.state is state
    if state is State.WRONG:
        assert finding.advice


def test_two_spf_records_are_told_to_be_joined() -> None:
    table = published() | {SPF: (b"v=spf1 mx -all", b"v=spf1 a -all")}
    assert "join them" in one(find(table), Topic.SPF, name="example.org").advice


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (b"k=rsa; p=AA AA", State.OK),
        (b"v=DKIM1; p=AAAA; t=s", State.OK),
        (b"v=DKIM1; k=rsa; p=BBBB", State.WRONG),
        (b"v=DKIM1; p=", State.WRONG),
    ],
)
def test_a_dkim_record_is_right_when_the_key_is(text: bytes, state: State) -> None:
    table = published() | {("s1._domainkey.example.org", "TXT"): (text,)}
    assert one(find(table), Topic.DKIM).state is state


@pytest.mark.parametrize(
    ("records", "state", "advice"),
    [
        ((b"v=DMARC1; p=reject; rua=mailto:other@example.net",), State.OK, ""),
        ((b"v=DMARC1; p=none; rua=mailto:a@example.org",), State.OK, "only watches"),
        ((b"v=DMARC1; p=reject",), State.OK, "without rua="),
        ((b"v=DMARC1; p=reject", b"v=DMARC1; p=none"), State.WRONG, "keep one"),
        ((b"v=spf1 -all",), State.MISSING, "add _dmarc"),
    ],
)
def test_dmarc_is_the_administrators_to_choose(records: tuple[bytes, ...], state: State, advice: str) -> None:
    finding = one(find(published() | {("_dmarc.example.org", "TXT"): records}), Topic.DMARC)
    assert finding.state is state
    assert advice in finding.advice


def test_the_id_of_an_older_policy_is_wrong() -> None:
    table = published() | {("_mta-sts.example.org", "TXT"): (b"v=STSv1; id=20200101",)}
    finding = one(find(table), Topic.MTA_STS, type="TXT")
    assert finding.state is State.WRONG
    assert finding.expected in finding.advice


def test_tlsa_records_of_no_certificate_here_are_wrong_as_mail_would_stay_away() -> None:
    key = ("_25._tcp.mail.example.org", "TLSA")
    finding = one(find(published() | {key: (Tlsa(3, 1, 1, b"x" * 32),)}), Topic.TLSA)
    assert (finding.state, "sends nothing" in finding.advice) == (State.WRONG, True)
    next_key = (*FACTS.tlsa, Tlsa(3, 1, 1, b"x" * 32))
    assert one(find(published() | {key: next_key}), Topic.TLSA).state is State.OK
    assert "not signed" in one(find(published(), signed=False), Topic.TLSA).advice


def test_services_point_here_or_are_wrong() -> None:
    key = ("_imaps._tcp.example.org", "SRV")
    assert one(find(published() | {key: (Srv(9, 9, 993, "mail.example.org"),)}), Topic.SERVICE).state is State.OK
    assert one(find(published() | {key: (Srv(0, 1, 993, "old.example.org"),)}), Topic.SERVICE).state is State.WRONG


def test_a_pointer_to_another_name_is_wrong() -> None:
    key = ("1.2.0.192.in-addr.arpa", "PTR")
    finding = one(find(published() | {key: ("host-1.provider.example",)}), Topic.REVERSE)
    assert finding.state is State.WRONG
    assert "rents out" in finding.advice


def test_a_host_without_an_address_is_missing() -> None:
    facts = msgspec.structs.replace(FACTS, addresses=())
    finding = one(find({}, facts), Topic.HOST)
    assert (finding.state, finding.name) == (State.MISSING, "mail.example.org")


def test_whether_the_zone_is_signed_is_told_apart_from_a_resolver_that_does_not_say() -> None:
    (signed,) = [f for f in find(published()) if f.topic == "dnssec"]
    assert signed.state is State.OK
    (silent,) = [f for f in find(published(), signed=False) if f.topic == "dnssec"]
    assert "dns.trust_ad" in silent.advice
