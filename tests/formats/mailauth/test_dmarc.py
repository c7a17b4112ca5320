"""DMARC with the examples of RFC 9989 §4.10 and Appendix B, and with what attackers try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from pillarbox.core.dns import Lookup, Record, Status
from pillarbox.formats.mailauth.author import Author
from pillarbox.formats.mailauth.dmarc import DmarcOutcome, discover, evaluate
from pillarbox.formats.mailauth.dmarc_discovery import Walks, names_of_walk
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict
from tests.support.dns_table import Table

REJECT = b"v=DMARC1; p=reject"


def table(records: Mapping[str, str | Status]) -> Table:
    answers: dict[str, Sequence[Record] | Status] = {}
    for name, record in records.items():
        answers[f"_dmarc.{name} TXT"] = record if isinstance(record, Status) else [f"v=DMARC1; {record}".encode()]
    return Table(answers)


def dkim(domain: str, result: str = "pass") -> Verdict:
    return Verdict("dkim", result, properties=(("header.d", domain), ("header.s", "s")))


def spf(domain: str, result: str = "pass") -> SpfResult:
    return SpfResult(result, domain, "mailfrom")


def outcome(dns: Table, author: Author | str, sender: SpfResult | None = None, *signatures: Verdict) -> DmarcOutcome:
    author = Author((author,)) if isinstance(author, str) else author

    def lookup(author: Author = author) -> Lookup[DmarcOutcome]:
        return (yield from evaluate((yield from discover(author)), sender, signatures))

    return dns.run(lookup())


def organizational(dns: Table, domain: str) -> str:
    return dns.run(Walks().walk(domain)).organizational


def test_a_walk_asks_at_eight_names_at_most() -> None:
    assert names_of_walk("a.b.c.d.e.f.g.h.i.j.mail.example.com") == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]
    assert len(names_of_walk("a.b.c.d.e.f.g.com")) == 8
    assert names_of_walk("mail.example.com") == ["mail.example.com", "example.com", "com"]
    assert "_dmarc." + "a." * 124 + "a" not in names_of_walk("a." * 124 + "a")


@pytest.mark.parametrize(
    ("records", "domain", "organization"),
    [
        ({"mail.example.com": "p=none", "example.com": "p=none"}, "a.mail.example.com", "example.com"),
        ({"mail.example.com": "p=none; psd=n", "example.com": "p=none"}, "a.mail.example.com", "mail.example.com"),
        ({"com": "psd=y"}, "a.mail.example.com", "example.com"),
        ({"example.com": "p=none", "com": "p=none; psd=y"}, "example.com", "example.com"),
        ({"example.com": "p=none; psd=y"}, "mail.example.com", "mail.example.com"),
        ({"example.com": "p=none; psd=y"}, "example.com", "example.com"),
        ({}, "a.mail.example.com", "a.mail.example.com"),
    ],
)
def test_the_organizational_domain_is_found_by_the_walk(
    records: dict[str, str], domain: str, organization: str
) -> None:
    assert organizational(table(records), domain) == organization


def test_several_records_at_a_name_are_none() -> None:
    dns = Table({"_dmarc.example.org TXT": [REJECT, REJECT, b"v=spf1"]})
    assert outcome(dns, "example.org").result == "none"
    assert outcome(Table({"_dmarc.example.org TXT": [b"v=spf1", REJECT]}), "example.org").result == "fail"


@pytest.mark.parametrize(
    ("author", "signer", "record", "result"),
    [
        ("example.org", "example.org", "p=reject", "pass"),
        ("news.example.org", "example.org", "p=reject", "pass"),
        ("example.org", "news.example.org", "p=reject", "pass"),
        ("a.example.org", "b.example.org", "p=reject", "pass"),
        ("news.example.org", "example.org", "p=reject; adkim=s", "fail"),
        ("example.org", "EXAMPLE.org", "p=reject; adkim=s", "pass"),
        ("example.org", "example.net", "p=reject", "fail"),
        ("example.org", "notexample.org", "p=reject", "fail"),
        ("example.org", "org", "p=reject", "fail"),
    ],
)
def test_relaxed_and_strict_alignment(author: str, signer: str, record: str, result: str) -> None:
    dns = table({"example.org": record})
    assert outcome(dns, author, None, dkim(signer)).result == result
    found = outcome(table({"example.org": record.replace("adkim", "aspf")}), author, spf(signer))
    assert (found.result, found.aligned) == (result, ("spf",) if result == "pass" else ())


def test_a_part_that_is_its_own_organization_does_not_speak_for_the_rest() -> None:
    dns = table({"example.org": "p=reject", "tenant.example.org": "p=none; psd=n"})
    assert outcome(dns, "example.org", None, dkim("tenant.example.org")).result == "fail"
    assert outcome(dns, "x.tenant.example.org", None, dkim("y.tenant.example.org")).result == "pass"
    assert outcome(dns, "x.tenant.example.org", None, dkim("example.org")).result == "fail"


def test_neighbours_below_a_public_suffix_are_strangers() -> None:
    dns = table({"co.example": "p=reject; psd=y", "a.co.example": "p=reject"})
    found = outcome(dns, "a.co.example", None, dkim("b.co.example"))
    assert (found.result, found.organizational) == ("fail", "a.co.example")
    suffix = outcome(dns, "c.co.example", None, dkim("b.co.example"))
    assert (suffix.result, suffix.policy_domain, suffix.disposition) == ("fail", "co.example", "reject")


def test_the_policy_is_of_the_author_then_of_the_organization() -> None:
    dns = table({"example.org": "p=reject; sp=quarantine; np=reject", "own.example.org": "p=none"})
    dns.names.add("there.example.org")
    assert outcome(dns, "example.org").disposition == "reject"
    assert outcome(dns, "own.example.org").disposition == "none"
    assert outcome(dns, "there.example.org").disposition == "quarantine"
    assert outcome(dns, "missing.example.org").disposition == "reject"


def test_a_domain_that_is_testing_has_less_done() -> None:
    found = outcome(table({"example.org": "p=reject; t=y"}), "example.org", spf("evil.example"))
    assert (found.result, found.policy, found.disposition, found.is_testing) == ("fail", "reject", "quarantine", True)
    assert found.verdict().properties == (("header.from", "example.org"), ("policy.dmarc", "quarantine"))


def test_a_record_without_a_sound_policy_is_an_error_without_consequences() -> None:
    found = outcome(table({"example.org": "p=refuse"}), "example.org")
    assert (found.result, found.disposition) == ("permerror", "none")


def test_results_that_are_no_pass_prove_nothing() -> None:
    dns = table({"example.org": "p=reject"})
    for result in ("fail", "softfail", "neutral", "none", "permerror", "policy"):
        assert outcome(dns, "example.org", spf("example.org", result), dkim("example.org", result)).result == "fail"


def test_an_answer_that_is_missing_leaves_it_open() -> None:
    assert outcome(table({"example.org": Status.FAILED}), "example.org").result == "temperror"
    dns = table({"example.org": "p=reject", "org": Status.FAILED})
    assert outcome(dns, "example.org", spf("example.net")).result == "temperror"
    assert outcome(dns, "example.org", spf("example.org")).result == "pass"
    own = table({"example.org": "p=reject; psd=n", "org": Status.FAILED})
    assert outcome(own, "example.org", spf("example.net")).result == "fail"


def test_a_name_of_the_authors_that_does_not_answer_neither_proves_nor_disproves() -> None:
    dns = table({"example.org": "p=reject", "sub.example.org": Status.FAILED})
    assert outcome(dns, "example.org", None, dkim("sub.example.org")).result == "temperror"
    assert outcome(dns, "example.org", spf("sub.example.org")).result == "temperror"
    assert outcome(dns, "example.org", spf("sub.example.org"), dkim("example.org")).result == "pass"


def test_a_forger_cannot_make_it_open_with_a_domain_of_his_own() -> None:
    dns = table({"bank.example": "p=reject"})
    found = outcome(dns, "bank.example", spf("evil.example", "temperror"), dkim("slow.evil.example", "temperror"))
    assert (found.result, found.disposition) == ("fail", "reject")
    assert outcome(dns, "bank.example", None, dkim("mail.bank.example", "temperror")).result == "temperror"


def test_with_several_authors_the_strictest_that_fails_speaks() -> None:
    dns = table({"evil.example": "p=none", "bank.example": "p=reject"})
    both = Author(("evil.example", "bank.example"), "several From fields")
    found = outcome(dns, both, spf("evil.example"))
    assert (found.result, found.author, found.disposition) == ("fail", "bank.example", "reject")


def test_a_from_field_that_names_several_or_nobody_is_quarantined_at_least() -> None:
    dns = table({"evil.example": "p=none"})
    twice = outcome(dns, Author(("evil.example",), "several From fields"), spf("evil.example"))
    assert (twice.result, twice.disposition, twice.problem) == ("permerror", "quarantine", "several From fields")
    nobody = outcome(dns, Author((), "no From field"))
    assert (nobody.result, nobody.disposition, nobody.author) == ("permerror", "quarantine", None)


def test_authors_of_several_domains_pass_if_all_are_proved() -> None:
    dns = table({"a.example": "p=reject", "b.example": "p=reject"})
    both = Author(("a.example", "b.example"), "several domains in From")
    passed = outcome(dns, both, spf("a.example"), dkim("b.example"))
    assert (passed.result, passed.disposition) == ("pass", "none")
    assert outcome(dns, both, spf("a.example")).disposition == "reject"


def test_no_name_is_asked_for_twice_and_signatures_of_strangers_cost_nothing() -> None:
    dns = table({"example.org": "p=reject"})
    many = [dkim(f"d{number}.stranger.example") for number in range(50)]
    outcome(dns, "a.example.org", spf("b.example.org"), *many)
    assert sorted(dns.asked) == sorted(
        {f"_dmarc.{name} TXT" for name in ("a.example.org", "b.example.org", "example.org", "org")}
    )


def test_an_answer_of_very_many_records_is_no_policy() -> None:
    bomb = Table({"_dmarc.example.org TXT": [b"v=DMARC1; p=none"] * 5000})
    assert outcome(bomb, "example.org").result == "none"
