"""All methods together, on a table of DNS answers, with what attackers put into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from pillarbox.core.dns import Answer, Record, Status, drive
from pillarbox.formats.mailauth.arc import read_chain
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.authentication_results import parse_results
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.signing_key import SigningKey, new_key
from pillarbox.formats.mailauth.verdict import Verdict, find
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer, authenticate, prepare
from tests.support.dns_table import Table

NOW = 1_790_000_000
PEER = CheckedPeer("192.0.2.1", "mail.example.org", "bounce@news.example.org", "mx.example.com", NOW)
MESSAGE = b"""From: Me <me@example.org>
To: you@example.com
Subject: Hello
Date: Mon, 21 Sep 2026 10:00:00 +0000

Hi
""".replace(b"\n", b"\r\n")
KEY = SigningKey(new_key("ed25519-sha256"))
DNS: Mapping[str, Sequence[Record] | Status] = {
    "1.2.0.192.in-addr.arpa PTR": ["mail.example.org"],
    "mail.example.org A": ["192.0.2.1"],
    "mail.example.org TXT": [b"v=spf1 a -all"],
    "news.example.org TXT": [b"v=spf1 ip4:192.0.2.0/24 -all"],
    "s1._domainkey.example.org TXT": [KEY.record().encode()],
    "_dmarc.example.org TXT": [b"v=DMARC1; p=reject; rua=mailto:dmarc@example.org"],
}


def run(
    message: bytes = MESSAGE, peer: CheckedPeer = PEER, dns: Mapping[str, Sequence[Record] | Status] = DNS
) -> Authenticated:
    return Table(dns).run(authenticate(prepare(message), peer))


def signed(message: bytes = MESSAGE) -> bytes:
    return sign(message, [KeyAtSelector("example.org", "s1", KEY)], NOW) + message


def results(found: Authenticated) -> list[tuple[str, str]]:
    return [(verdict.method, verdict.result) for verdict in found.verdicts]


def test_an_honest_message_passes_everything() -> None:
    found = run(signed())
    assert results(found) == [("iprev", "pass"), ("spf", "pass"), ("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass")]
    assert (found.host, found.dmarc.aligned, found.dmarc.disposition) == ("mail.example.org", ("dkim", "spf"), "none")


def test_the_fields_are_ready_to_be_put_before_the_message() -> None:
    message = signed()
    fields = run(message).fields
    received, results = fields.replace(b"\r\n ", b" ").decode().splitlines()
    assert received.startswith("Received-SPF: pass (news.example.org designates the client as permitted sender)")
    read = parse_results(results.partition(":")[2].encode())
    assert read is not None
    assert read.authserv_id == "mx.example.com"
    assert read.verdicts == run(message).verdicts


def test_a_forgery_is_to_be_refused() -> None:
    peer = CheckedPeer("198.51.100.1", "evil.example", "x@evil.example", "mx.example.com", NOW)
    found = run(peer=peer, dns={**DNS, "evil.example TXT": [b"v=spf1 +all"]})
    assert (found.spf.result, found.dmarc.result, found.dmarc.disposition) == ("pass", "fail", "reject")
    assert find(found.verdicts, "dkim") == Verdict("dkim", "none")


def test_a_changed_message_is_held_by_its_reverse_path_only() -> None:
    changed = signed().replace(b"Hi\r\n", b"Send money\r\n")
    found = run(changed)
    assert (found.dmarc.result, found.dmarc.aligned) == ("pass", ("spf",))
    relayed = msgspec.structs.replace(PEER, address="198.51.100.1")
    assert run(changed, relayed).dmarc.disposition == "reject"
    assert run(signed(), relayed).dmarc.aligned == ("dkim",)


def test_the_null_reverse_path_is_judged_by_helo_once() -> None:
    found = run(MESSAGE, msgspec.structs.replace(PEER, mail_from=""))
    assert [verdict.properties for verdict in found.verdicts if verdict.method == "spf"] == [
        (("smtp.helo", "mail.example.org"),)
    ]
    assert found.dmarc.aligned == ("spf",)


def test_a_dns_that_does_not_answer_leaves_everything_open() -> None:
    found = drive(authenticate(prepare(signed()), PEER), lambda _: Answer(Status.FAILED))
    assert {result for _, result in results(found)} == {"temperror"}
    assert found.dmarc.disposition == "none"


@pytest.mark.parametrize(
    "evil",
    ["x; dkim=pass header.d=bank.example", 'x"\r\nX: y', "(", "é" * 300, "a\\", "\x00", "x@y@z", "[192.0.2.1]", ""],
)
def test_nothing_that_smtp_was_told_gets_a_result_into_the_fields(evil: str) -> None:
    peer = msgspec.structs.replace(PEER, helo=evil, mail_from=f"{evil}@{evil}")
    fields = run(MESSAGE, peer).fields
    assert all(
        line.startswith((b" ", b"Received-SPF: ", b"Authentication-Results: ")) for line in fields.split(b"\r\n")[:-1]
    )
    assert fields.isascii()
    read = parse_results(fields.partition(b"Authentication-Results:")[2])
    assert read is not None
    assert {verdict.method for verdict in read.verdicts} == {"iprev", "spf", "dkim", "dmarc"}
    assert not any(verdict.result == "pass" and verdict.method != "iprev" for verdict in read.verdicts)


def test_answers_that_are_bombs_cost_bounded_work_and_prove_nothing() -> None:
    bomb: dict[str, Sequence[Record] | Status] = {
        "1.2.0.192.in-addr.arpa PTR": [f"h{number}.example.org" for number in range(2000)],
        "mail.example.org TXT": [b"v=spf1 " + b"include:mail.example.org " * 600],
        "news.example.org TXT": [b"v=spf1 -all"] * 2000,
        "s1._domainkey.example.org TXT": [b"v=DKIM1; k=rsa; p=" + b"A" * 60_000] * 50,
        "_dmarc.example.org TXT": [b"v=DMARC1; p=reject; rua=" + b"mailto:a@b.example," * 3000],
    }
    table = Table(bomb)
    found = table.run(authenticate(prepare(signed()), PEER))
    assert "pass" not in {result for _, result in results(found)}
    assert len(table.asked) < 60


def test_what_is_wrong_with_from_is_said() -> None:
    twice = MESSAGE.replace(b"To:", b"From: ceo@bank.example\r\nTo:")
    found = run(twice)
    assert (found.dmarc.problem, found.dmarc.disposition) == ("several From fields", "quarantine")
    assert b'reason="several From fields"' in found.fields.replace(b"\r\n", b"")


def test_a_chain_of_those_who_handled_the_message_is_told() -> None:
    chain = read_chain(MESSAGE)
    field = b"ARC-Authentication-Results: i=1; lists.example.org; none\r\n"
    sealed = seal(MESSAGE, chain, "none", field, KeyAtSelector("example.org", "s1", KEY), NOW) + MESSAGE
    found = run(sealed)
    assert find(found.verdicts, "arc") == Verdict("arc", "pass", properties=(("header.d", "example.org"),))
    assert b"arc=pass" in found.fields
    assert found.chain.newest == 1
    changed = run(sealed.replace(b"Hi\r\n", b"Send money\r\n"))
    assert find(changed.verdicts, "arc") == Verdict("arc", "fail", "the body was changed")
