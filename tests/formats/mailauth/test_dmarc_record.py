from __future__ import annotations

import pytest

from pillarbox.formats.mailauth.dmarc_record import Destination, DmarcRecord, is_dmarc, parse_dmarc_record


def parse(text: str) -> DmarcRecord:
    record = parse_dmarc_record(text.encode())
    assert record is not None
    return record


def test_every_tag_is_read() -> None:
    record = parse(
        "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=S; t=y; psd=n; fo=1:d:s;"
        " rua=mailto:a@example.org,mailto:b%2Bc@example.net!10m; ruf=mailto:f@example.org; pct=50; x=y;"
    )
    assert (record.policy, record.sub_policy, record.missing_policy) == ("reject", "quarantine", "none")
    assert record.is_strict_dkim
    assert record.is_strict_spf
    assert (record.is_testing, record.psd, record.percent) == (True, "n", 50)
    assert record.failure_options == {"1", "d", "s"}
    assert record.aggregate == (Destination("a@example.org"), Destination("b+c@example.net", 10 * 1024 * 1024))
    assert record.aggregate[1].host == "example.net"
    assert record.failure == (Destination("f@example.org"),)


@pytest.mark.parametrize("text", ["v=DMARC1", "v = DMARC1 ;p=none", "V=DMARC1;"])
def test_the_version_comes_first(text: str) -> None:
    assert is_dmarc(text.encode())


@pytest.mark.parametrize(
    "text", ["v=dmarc1; p=none", "p=none; v=DMARC1", "v=DMARC12; p=none", " v=DMARC1", "v=spf1", ""]
)
def test_another_record_is_none_of_dmarc(text: str) -> None:
    assert parse_dmarc_record(text.encode()) is None


def test_a_record_of_a_size_that_is_none_is_not_read() -> None:
    assert parse_dmarc_record(b"v=DMARC1; p=reject; rua=" + b"mailto:a@b.example," * 1000) is None
    assert len(parse("v=DMARC1; p=none; rua=" + "mailto:a@b.example," * 100).aggregate) == 10


@pytest.mark.parametrize("broken", ["p=refuse", "p=reject; sp=x", "p=reject; np=", "rua=mailto:nobody", ""])
def test_a_record_without_a_sound_policy_and_without_reports_has_none(broken: str) -> None:
    assert not parse(f"v=DMARC1; {broken}").is_policy


@pytest.mark.parametrize("broken", ["p=refuse", "p=reject; sp=x", ""])
def test_with_an_address_for_reports_a_broken_policy_is_none(broken: str) -> None:
    record = parse(f"v=DMARC1; {broken}; rua=mailto:a@example.org")
    assert (record.is_policy, record.policy, record.sub_policy) == (True, "none", None)


def test_what_is_wrong_elsewhere_is_the_default() -> None:
    record = parse("v=DMARC1; p=none; adkim=x; aspf; t=; psd=maybe; fo=7; pct=101; =; p=reject")
    assert record == DmarcRecord(policy="none", text=record.text)


@pytest.mark.parametrize(
    "uri",
    [
        "http://example.org",
        "mailto:",
        "mailto:a@",
        "mailto:@b",
        "mailto:a%0D%0Ab@c",
        "mailto:a%3E@c",
        "mailto:a b@c",
        "a@b",
    ],
)
def test_what_is_no_address_gets_no_reports(uri: str) -> None:
    assert parse(f"v=DMARC1; p=none; rua={uri}").aggregate == ()


def test_the_policy_depends_on_where_the_author_is_below_the_record() -> None:
    record = parse("v=DMARC1; p=none; sp=quarantine; np=reject")
    assert record.policy_for(is_subdomain=False, exists=True) == "none"
    assert record.policy_for(is_subdomain=True, exists=True) == "quarantine"
    assert record.policy_for(is_subdomain=True, exists=False) == "reject"
    assert parse("v=DMARC1; p=reject").policy_for(is_subdomain=True, exists=False) == "reject"
    assert parse("v=DMARC1; p=reject; sp=none").policy_for(is_subdomain=True, exists=False) == "none"


@pytest.mark.parametrize(("policy", "less"), [("reject", "quarantine"), ("quarantine", "none"), ("none", "none")])
def test_a_domain_that_is_testing_is_obeyed_one_level_lower(policy: str, less: str) -> None:
    assert parse(f"v=DMARC1; p={policy}; t=y").applied(policy) == less
    assert parse(f"v=DMARC1; p={policy}; pct=0").applied(policy) == less
    assert parse(f"v=DMARC1; p={policy}; pct=10").applied(policy) == policy


def test_a_public_suffix_gets_no_failure_reports() -> None:
    assert parse("v=DMARC1; p=none; ruf=mailto:f@example.org").failure_destinations == (Destination("f@example.org"),)
    assert parse("v=DMARC1; p=none; psd=y; ruf=mailto:f@example.org").failure_destinations == ()
