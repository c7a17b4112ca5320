from __future__ import annotations

import pytest

from pillarbox.formats.mailauth.author import Author, find_author
from pillarbox.formats.message.scan import scan


def author(header: str) -> Author:
    data = f"{header}\r\n\r\nHello\r\n".encode()
    return find_author(data, scan(data).root.fields)


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        ("From: a@Example.ORG", "example.org"),
        ('FROM: "b@bank.example" <a@example.org>', "example.org"),
        ("From: =?utf-8?q?b=40bank.example?= <a@example.org>", "example.org"),
        ("From: (b@bank.example) a@example.org (c@bank.example)", "example.org"),
        ("From:\r\n <@bank.example:a@example.org>", "example.org"),
        ("From: a@bücher.example", "xn--bcher-kva.example"),
        ("From: one@example.org, two@EXAMPLE.org", "example.org"),
        ("From: Team: one@example.org, two@example.org;", "example.org"),
        ('From: "a@bank.example"@example.org', "example.org"),
        ("From: a@example.org.", "example.org"),
    ],
)
def test_one_domain_is_the_author(header: str, domain: str) -> None:
    assert author(header).domain == domain


@pytest.mark.parametrize(
    ("header", "problem", "domains"),
    [
        ("Subject: x", "no From field", ()),
        ("From:", "a From field without an address", ()),
        ("From: undisclosed:;", "a From field without an address", ()),
        ("From: root", "an address without a domain in From", ()),
        ("From: root@localhost", "an address without a domain in From", ()),
        ("From: a@[192.0.2.1]", "an address without a domain in From", ()),
        ("From: a@x..example", "an address without a domain in From", ()),
        ("From: a@example.org\r\nFrom: b@bank.example", "several From fields", ("example.org", "bank.example")),
        ("From: a@example.org\r\nfrom : a@example.org", "several From fields", ("example.org",)),
        ("From: a@example.org, b@bank.example", "several domains in From", ("example.org", "bank.example")),
        ("From: a@example.org, G: b@bank.example;", "several domains in From", ("example.org", "bank.example")),
        ("From: nobody, b@bank.example", "an address without a domain in From", ("bank.example",)),
    ],
)
def test_everything_else_is_a_problem_with_its_domains(header: str, problem: str, domains: tuple[str, ...]) -> None:
    found = author(header)
    assert (found.problem, found.domains, found.domain) == (problem, domains, None)


def test_few_of_very_many_domains_are_looked_at() -> None:
    assert len(author("From: " + ", ".join(f"a@d{number}.example" for number in range(900))).domains) == 5
    assert len(author("\r\n".join(f"From: a@d{number}.example" for number in range(900))).domains) == 5
