from __future__ import annotations

from pillarbox.core.dns import Status
from pillarbox.formats.mailauth.iprev import Reverse, check_iprev
from tests.support.dns_table import Table

PTR = "1.2.0.192.in-addr.arpa PTR"


def check(table: Table, address: str = "192.0.2.1") -> Reverse:
    return table.run(check_iprev(address))


def test_a_name_that_leads_back_passes() -> None:
    found = check(Table({PTR: ["a.example", "B.example"], "a.example A": ["192.0.2.9"], "b.example A": ["192.0.2.1"]}))
    assert (found.verdict.result, found.host) == ("pass", "b.example")
    assert found.verdict.properties == (("policy.iprev", "192.0.2.1"),)


def test_an_address_of_ipv6_is_compared_by_value() -> None:
    name = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa PTR"
    found = check(Table({name: ["a.example"], "a.example AAAA": ["2001:DB8:0::1"]}), "2001:db8::1")
    assert (found.verdict.result, found.host) == ("pass", "a.example")


def test_a_name_that_leads_elsewhere_fails() -> None:
    found = check(Table({PTR: ["a.example"], "a.example A": ["192.0.2.9"]}))
    assert (found.verdict.result, found.host) == ("fail", None)


def test_no_name_and_no_answer_are_told_apart() -> None:
    assert check(Table({})).verdict.result == "permerror"
    assert check(Table({PTR: ["..", "x" * 70]})).verdict.result == "permerror"
    assert check(Table({PTR: Status.FAILED})).verdict.result == "temperror"
    assert check(Table({PTR: ["a.example"], "a.example A": Status.FAILED})).verdict.result == "temperror"


def test_few_of_very_many_names_are_asked_for() -> None:
    table = Table({PTR: [f"n{number}.example" for number in range(5000)]})
    assert check(table).verdict.result == "fail"
    assert len(table.asked) == 11


def test_the_zone_of_a_link_local_address_is_no_part_of_it() -> None:
    name = "1." + "0." * 28 + "8.e.f.ip6.arpa PTR"
    found = check(Table({name: ["a.example"], "a.example AAAA": ["fe80::1"]}), "fe80::1%eth0")
    assert (found.verdict.result, found.verdict.properties) == ("pass", (("policy.iprev", "fe80::1"),))
