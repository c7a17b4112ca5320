from __future__ import annotations

from collections.abc import Sequence

import pytest

from pillarbox.core.dns import Mx, Record, Status
from pillarbox.formats.mailauth.spf import SpfResult, check_helo, check_spf
from tests.support.dns_table import Table

CLIENT = "192.0.2.1"
NAME = "1.2.0.192.in-addr.arpa"


def check(
    record: str, answers: dict[str, Sequence[Record] | Status] | None = None, sender: str = "me@example.org"
) -> SpfResult:
    table = Table({"example.org TXT": [record.encode()], **(answers or {})})
    return table.run(check_spf(CLIENT, "mx.example.net", sender, "mx.example.com", 1_700_000_000))


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("V=SPF1 IP4:192.0.2.1 -ALL", "pass"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1", "neutral"),
        ("v=spf10 -all", "none"),
        ("v=spf1 ip4:192.0.2.0/33 -all", "permerror"),
        ("v=spf1 ip4:192.0.2.0/024 -all", "permerror"),
        ("v=spf1 -all ip6:fe80::1%eth0", "permerror"),
        ("v=spf1 all:example.org", "permerror"),
        ("v=spf1 -all redirect=a.example.org redirect=b.example.org", "permerror"),
        ("v=spf1 mx:%{t}.example.org -all", "permerror"),
        ("v=spf1 " + "ip4:192.0.2.9 " * 1001, "permerror"),
        ("v=spf1 " + "a" * 20_000, "permerror"),
    ],
)
def test_a_record_is_checked_whole_and_answers(record: str, result: str) -> None:
    assert check(record).result == result


def test_an_ipv4_address_in_ipv6_clothes_is_ipv4() -> None:
    table = Table({"example.org TXT": [b"v=spf1 ip4:192.0.2.1 -all"]})
    assert table.run(check_spf("::ffff:192.0.2.1", "h", "me@example.org", "r")).result == "pass"


def test_a_name_of_many_scripts_is_asked_for_in_its_ascii_form() -> None:
    table = Table(
        {
            "xn--bcher-kva.example TXT": [b"v=spf1 exists:%{o}.example.org -all"],
            "xn--bcher-kva.example.example.org A": ["127.0.0.2"],
        }
    )
    found = table.run(check_spf(CLIENT, "h", "me@Bücher.example", "r"))
    assert (found.result, found.domain) == ("pass", "xn--bcher-kva.example")


def test_what_contains_a_local_part_that_is_not_ascii_matches_nothing_and_asks_nothing() -> None:
    table = Table({"example.org TXT": [b"v=spf1 exists:%{l}.example.org a:%{s}.example.org ?all"]})
    assert table.run(check_spf(CLIENT, "h", "mé@example.org", "r")).result == "neutral"
    assert table.asked == ["example.org TXT"]


def test_the_null_reverse_path_is_checked_by_the_name_of_helo() -> None:
    table = Table(
        {"mx.example.net TXT": [b"v=spf1 exists:%{l}.example.net -all"], "postmaster.example.net A": ["127.0.0.2"]}
    )
    found = table.run(check_spf(CLIENT, "MX.example.net", "", "r"))
    assert (found.result, found.domain, found.identity) == ("pass", "mx.example.net", "helo")
    assert table.run(check_helo(CLIENT, "[192.0.2.1]", "r")).result == "none"


def test_eleven_terms_that_need_the_dns_are_one_too_many() -> None:
    ten = " ".join(f"a:h{number}.example.org" for number in range(10))
    hosts: dict[str, Sequence[Record] | Status] = {f"h{number}.example.org A": ["198.51.100.1"] for number in range(11)}
    assert check(f"v=spf1 {ten} -all", hosts).result == "fail"
    assert check(f"v=spf1 {ten} a:h10.example.org -all", hosts).result == "permerror"


def test_an_include_of_itself_ends_at_the_limit() -> None:
    found = check("v=spf1 include:example.org -all")
    assert (found.result, found.problem) == ("permerror", "more than 10 terms that need the DNS")
    assert check("v=spf1 redirect=%{d}").result == "permerror"


def test_macros_that_grow_with_each_redirect_end_at_the_limit() -> None:
    table = Table({})

    def grow(sender: str) -> SpfResult:
        return table.run(check_spf(CLIENT, "h" * 5000, sender, "r"))

    table.answers = {"example.org TXT": [b"v=spf1 exists:" + b"%{s}%{l}%{h}" * 900 + b".example.org -all"]}
    found = grow("a." * 100 + "b@example.org")
    assert found.result == "fail"
    assert max(len(asked.partition(" ")[0]) for asked in table.asked) <= 253


def test_three_lookups_that_find_nothing_are_one_too_many() -> None:
    assert check("v=spf1 a:x.example.org a:y.example.org -all").result == "fail"
    found = check("v=spf1 a:x.example.org a:y.example.org exists:z.example.org -all")
    assert (found.result, found.problem) == ("permerror", "more than 2 lookups that found nothing")


def test_mail_exchanges_are_asked_for_together_and_more_than_ten_refused() -> None:
    hosts = [Mx(10, f"m{number}.example.org") for number in range(11)]
    addresses: dict[str, Sequence[Record] | Status] = {f"{host.host} A": ["198.51.100.7"] for host in hosts}
    addresses["m9.example.org A"] = ["198.51.100.7", CLIENT]
    assert check("v=spf1 mx -all", {"example.org MX": hosts[:10], **addresses}).result == "pass"
    assert check("v=spf1 mx -all", {"example.org MX": hosts, **addresses}).result == "permerror"
    assert check("v=spf1 mx -all", {"example.org MX": [Mx(0, "")]}).result == "fail"


def test_no_answer_is_a_temporary_error_where_it_decides() -> None:
    assert check("v=spf1 a -all", {"example.org A": Status.FAILED}).result == "temperror"
    assert check("v=spf1 ip4:192.0.2.1 a -all", {"example.org A": Status.FAILED}).result == "pass"
    assert check("v=spf1 include:b.example -all", {"b.example TXT": Status.FAILED}).result == "temperror"
    assert check("v=spf1 ptr ?all", {f"{NAME} PTR": Status.FAILED}).result == "neutral"


def test_a_name_of_the_address_counts_if_it_leads_back_and_ten_are_looked_at() -> None:
    names = [f"n{number}.example.net" for number in range(10)] + ["host.example.org"]
    back: dict[str, Sequence[Record] | Status] = {"host.example.org A": [CLIENT]}
    back |= {f"n{number}.example.net A": ["198.51.100.1"] for number in range(10)}
    assert check("v=spf1 ptr -all", {f"{NAME} PTR": names[1:], **back}).result == "pass"
    assert check("v=spf1 ptr -all", {f"{NAME} PTR": names, **back}).result == "fail"
    assert (
        check("v=spf1 ptr -all", {f"{NAME} PTR": ["host.example.org"], "host.example.org A": ["198.51.100.1"]}).result
        == "fail"
    )


def test_the_validated_name_is_asked_for_once_for_all_macros() -> None:
    table = Table(
        {
            "example.org TXT": [b"v=spf1 exists:%{p}.x.example.org exists:%{p}.y.example.org ptr:example.net -all"],
            f"{NAME} PTR": ["mail.example.net"],
            "mail.example.net A": [CLIENT],
        }
    )
    assert table.run(check_spf(CLIENT, "h", "me@example.org", "r")).result == "pass"
    assert table.asked.count(f"{NAME} PTR") == 1
    assert "mail.example.net.x.example.org A" in table.asked


def test_an_answer_with_very_many_addresses_is_looked_at_in_part() -> None:
    bomb = ["198.51.100.1"] * 60_000 + [CLIENT]
    assert check("v=spf1 a -all", {"example.org A": bomb}).result == "fail"


def test_an_explanation_is_printable_and_cut_and_never_changes_the_result() -> None:
    answers: dict[str, Sequence[Record] | Status] = {
        "why.example.org TXT": [b"%{l} may not, says %{r} at %{t}: " + b"%{i} " * 500]
    }
    found = check("v=spf1 -all exp=why.example.org", answers, 'a\r\nb"@example.org')
    assert found.explanation is not None
    assert found.explanation.startswith('a??b" may not, says mx.example.com at 1700000000: 192.0.2.1 ')
    assert len(found.explanation) == 400
    for bad in ([b"a", b"b"], [b"%{x}"], [b"caf\xc3\xa9"], Status.FAILED, []):
        broken = check("v=spf1 -all exp=why.example.org", {"why.example.org TXT": bad})
        assert (broken.result, broken.explanation) == ("fail", None)


def test_an_explanation_of_an_included_record_is_not_used() -> None:
    answers: dict[str, Sequence[Record] | Status] = {
        "b.example TXT": [b"v=spf1 +all exp=why.b.example"],
        "c.example TXT": [b"v=spf1 -all exp=why.b.example"],
        "why.b.example TXT": [b"b says no"],
    }
    assert check("v=spf1 -include:b.example ?all", answers).explanation is None
    assert check("v=spf1 redirect=c.example", answers).explanation == "b says no"


def test_a_verdict_names_the_identity_as_it_was_given() -> None:
    verdict = check("v=spf1 -all").verdict("me@example.org")
    assert (verdict.method, verdict.result, verdict.properties) == (
        "spf",
        "fail",
        (("smtp.mailfrom", "me@example.org"),),
    )
