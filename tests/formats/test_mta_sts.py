"""MTA-STS records and policies as others write them."""

import pytest

from pillarbox.formats.mta_sts import MAX_AGE, Mode, Policy, StsError, parse_policy, policy_to_bytes, read_record

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("records", "id"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 ; id = 1 ; "], "1"),
        ([b"v=STSv1; other=x y; id=1"], "1"),
        ([b"v=STSv1; id=1", b"v=spf1 -all", b"v=STSv2; id=2"], "1"),
        ([b"v=STSv1; id=1", b"v=STSv1; id=1"], None),
        ([b"v=STSv1; id=1", b"v=STSv1; no id"], None),
        ([b"v=STSv1; id="], None),
        ([b"v=STSv1; id=" + b"1" * 33], None),
        ([b"v=STSv1; id=1-2"], None),
        ([b"v=STSv1;"], None),
        ([b"id=1; v=STSv1"], None),
        ([b"v=stsv1; id=1"], None),
        ([b"v=STSv1 id=1"], None),
        ([b"v=STSv1; id=1; \xff"], None),
        ([], None),
    ],
)
def test_a_record_tells_an_id_or_there_is_no_policy(records: list[bytes], id: str | None) -> None:
    assert read_record(records) == id


def test_a_policy_is_read() -> None:
    policy = parse_policy(GOOD)
    assert policy == Policy(Mode.ENFORCE, ("mail.example.org", "*.example.net"), 604_800)
    assert parse_policy(policy_to_bytes(policy)) == policy
    assert parse_policy(GOOD.replace(b"\r\n", b"\n")) == policy
    assert parse_policy(GOOD.rstrip()) == policy


@pytest.mark.parametrize("mode", list(Mode))
def test_only_enforce_is_enforced_and_none_is_not_even_looked_at(mode: Mode) -> None:
    policy = parse_policy(GOOD.replace(b"enforce", mode.value.encode()))
    assert (policy.is_enforced, policy.is_obeyed) == (mode is Mode.ENFORCE, mode is not Mode.NONE)


def test_a_wildcard_is_one_label_and_names_are_compared_whole() -> None:
    policy = parse_policy(GOOD)
    allowed = ["mail.example.org", "a.example.net"]
    others = ["example.org", "xmail.example.org", "example.net", "a.b.example.net", "mail.example.org.evil.test", ""]
    assert [host for host in allowed + others if policy.allows(host)] == allowed


@pytest.mark.parametrize(
    "name", ["mäil.exämple.org", "MÄIL.exämple.org", "xn--mil-qla.xn--exmple-cua.org", "XN--MIL-QLA.xn--exmple-cua.org"]
)
def test_u_labels_and_any_case_are_taken_for_a_labels(name: str) -> None:
    policy = parse_policy(GOOD.replace(b"mail.example.org", name.encode()))
    assert policy.allows("xn--mil-qla.xn--exmple-cua.org")


def test_unknown_fields_are_passed_over_and_the_first_of_several_counts() -> None:
    text = b"version: STSv1\nfuture: yes\nmode: testing\nmode: enforce\nmx: a.example.org\nmax_age: 1\nmax_age: 2\n\n"
    assert parse_policy(text) == Policy(Mode.TESTING, ("a.example.org",), 1)


def test_an_age_of_more_than_a_year_is_a_year() -> None:
    assert parse_policy(GOOD.replace(b"604800", b"9999999999")).max_age == MAX_AGE


def test_a_policy_of_mode_none_needs_no_hosts() -> None:
    assert parse_policy(b"version: STSv1\nmode: none\nmax_age: 86400\n").mx == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html><body>Not Found</body></html>",
        GOOD.replace(b"STSv1", b"STSv2"),
        GOOD.replace(b"enforce", b"Enforce"),
        GOOD.replace(b"mode: enforce\r\n", b""),
        GOOD.replace(b"max_age: 604800\r\n", b""),
        GOOD.replace(b"604800", b"-1"),
        GOOD.replace(b"604800", b"\xd9\xa1"),
        GOOD.replace(b"604800", b"99999999999"),
        b"version: STSv1\nmode: enforce\nmax_age: 1\n",
        GOOD.replace(b"*.example.net", b"*"),
        GOOD.replace(b"*.example.net", b"a.*.example.net"),
        GOOD.replace(b"*.example.net", b"192.0.2.1:25"),
        GOOD.replace(b"*.example.net", b"a..example.net"),
        GOOD.replace(b"*.example.net", b"a" * 64 + b".net"),
        GOOD.replace(b"*.example.net", b"a b.net"),
        GOOD.replace(b"*.example.net", b"localhost"),
        GOOD + b"\xff: 1",
        GOOD + b"mx: a.example.org\n" * 200,
        GOOD + b"\n" * 2_000,
        GOOD + b"x: " + b"y" * 70_000,
    ],
)
def test_what_is_no_policy_is_refused(text: bytes) -> None:
    with pytest.raises(StsError):
        parse_policy(text)
