"""The resolver against a real server on loopback, that behaves and misbehaves."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pillarbox.core.dns import Answer, Caa, Lookup, Mx, Question, Srv, Status, Tlsa, ask, together
from pillarbox.net.dns.resolver import Resolver
from pillarbox.net.dns.settings import DnsSettings
from tests.support.dns_server import Behaviour, DnsServer, from_zones, serving_dns, zone

ZONE = """
$ORIGIN example.org.
$TTL 300
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
@ IN MX 20 Mail2
@ IN MX 10 mail
@ IN TXT "v=spf1 " "mx -all"
mail IN A 192.0.2.1
mail IN A 192.0.2.2
mail IN AAAA 2001:db8::1
alias IN CNAME mail
twice IN CNAME alias
dangling IN CNAME nothing
outside IN CNAME host.example.net.
loop IN CNAME pool
pool IN CNAME loop
none IN MX 0 .
_25._tcp.mail IN TLSA 3 1 0 aabbcc
_25._tcp.mail IN TLSA 3 1 2 aabbcc
_imaps._tcp IN SRV 0 1 993 mail
@ IN CAA 0 issue "ca.example; accounturi=https://ca.example/1"
*.wild IN TXT "everywhere"
host.real.wild IN A 192.0.2.9
"""
SECURE = "$ORIGIN secure.test.\n$TTL 300\n@ IN SOA ns h 1 2 3 4 5\n@ IN A 192.0.2.7\n"

Scene = Callable[[DnsServer], Coroutine[Any, Any, None]]


def silent(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
    return []


def babbling(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
    return [b"no"]


def play(behaviour: Behaviour, scene: Scene) -> None:
    async def all_of_it() -> None:
        async with asyncio.timeout(20), serving_dns(behaviour) as server:
            await scene(server)

    asyncio.run(all_of_it())


def find(*questions: tuple[str, str], behaviour: Behaviour | None = None, **settings: object) -> list[Answer]:
    found: list[Answer] = []

    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings(**settings))
        found.extend([await resolver.ask(Question(*question)) for question in questions])
        await resolver.close()

    play(behaviour or from_zones(zone(ZONE), zone(SECURE, is_secure=True)), scene)
    return found


@pytest.mark.parametrize(
    ("name", "type", "records"),
    [
        ("example.org", "MX", {Mx(10, "mail.example.org"), Mx(20, "mail2.example.org")}),
        ("example.org", "TXT", {b"v=spf1 mx -all"}),
        ("mail.example.org", "A", {"192.0.2.1", "192.0.2.2"}),
        ("mail.example.org", "AAAA", {"2001:db8::1"}),
        ("none.example.org", "MX", {Mx(0, "")}),
        ("_25._tcp.mail.example.org", "TLSA", {Tlsa(3, 1, 0, b"\xaa\xbb\xcc"), Tlsa(3, 1, 2, b"\xaa\xbb\xcc")}),
        ("_imaps._tcp.example.org", "SRV", {Srv(0, 1, 993, "mail.example.org")}),
        ("example.org", "CAA", {Caa(0, "issue", "ca.example; accounturi=https://ca.example/1")}),
        ("example.org", "NS", {"ns.example.org"}),
        ("alias.example.org", "CNAME", {"mail.example.org"}),
    ],
)
def test_records_are_read_as_values(name: str, type: str, records: set[object]) -> None:
    (answer,) = find((name, type))
    assert answer.status is Status.FOUND
    assert set(answer.records) == records
    assert answer.ttl == 300
    assert answer.canonical_name == ""


def test_tlsa_records_with_a_digest_of_a_wrong_length_are_there_for_others_to_judge() -> None:
    (answer,) = find(("_25._tcp.mail.example.org", "TLSA"))
    assert Tlsa(3, 1, 2, b"\xaa\xbb\xcc") in answer.records  # dnspython itself calls the whole answer malformed


def test_cnames_are_followed_and_the_last_name_is_told() -> None:
    (answer,) = find(("twice.example.org", "A"))
    assert set(answer.records) == {"192.0.2.1", "192.0.2.2"}
    assert answer.canonical_name == "mail.example.org"


def test_a_cname_to_nothing_is_no_name_and_tells_where_it_leads() -> None:
    (answer,) = find(("dangling.example.org", "A"))
    assert (answer.status, answer.canonical_name) == (Status.NO_NAME, "nothing.example.org")


def test_cnames_in_a_circle_are_a_failure() -> None:
    (answer,) = find(("loop.example.org", "A"))
    assert answer.status is Status.FAILED


def test_a_name_without_the_type_differs_from_no_name_and_both_are_remembered_as_the_zone_says() -> None:
    data, name = find(("mail.example.org", "MX"), ("nobody.example.org", "MX"))
    assert (data.status, data.ttl) == (Status.NO_DATA, 60)
    assert (name.status, name.ttl) == (Status.NO_NAME, 60)


def test_a_name_above_others_exists_and_wildcards_stop_at_it() -> None:
    above, below, wild = find(
        ("real.wild.example.org", "A"), ("x.real.wild.example.org", "TXT"), ("a.b.wild.example.org", "TXT")
    )
    assert above.status is Status.NO_DATA
    assert below.status is Status.NO_NAME
    assert wild.records == (b"everywhere",)


def test_what_was_validated_is_secure_only_if_the_server_is_trusted() -> None:
    assert find(("secure.test", "A"))[0].is_secure
    assert find(("secure.test", "MX"))[0].is_secure  # that there is none, too
    assert not find(("example.org", "A"))[0].is_secure
    assert not find(("secure.test", "A"), trust_ad=False)[0].is_secure


def test_questions_ask_for_validation_and_announce_a_payload_that_fits() -> None:
    async def scene(server: DnsServer) -> None:
        await Resolver(server.settings()).ask(Question("example.org", "MX"))
        (query,) = server.queries
        assert query.flags & dns.flags.AD
        assert query.flags & dns.flags.RD
        assert query.ednsflags & dns.flags.DO
        assert query.payload == 1232

    play(from_zones(zone(ZONE)), scene)


def test_an_answer_that_does_not_fit_is_asked_for_by_tcp() -> None:
    long = ZONE + "".join(f'big IN TXT "{n:03}{"x" * 200}"\n' for n in range(30))

    async def scene(server: DnsServer) -> None:
        answer = await Resolver(server.settings()).ask(Question("big.example.org", "TXT"))
        assert len(answer.records) == 30
        assert server.asked == [("big.example.org", "TXT", "udp"), ("big.example.org", "TXT", "tcp")]

    play(from_zones(zone(long)), scene)


def test_a_server_that_hangs_up_on_tcp_is_a_failure() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return [] if is_tcp else [response.to_wire()]

    assert find(("example.org", "TXT"), behaviour=behave)[0].status is Status.FAILED


def test_an_answer_that_is_truncated_even_by_tcp_is_a_failure() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()]

    assert find(("example.org", "TXT"), behaviour=behave)[0].status is Status.FAILED


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.YXDOMAIN])
def test_a_server_that_refuses_or_fails_is_a_failure_and_asked_once(code: dns.rcode.Rcode) -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
        response = dns.message.make_response(query)
        response.set_rcode(code)
        return [response.to_wire()]

    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings())
        for _ in range(3):  # a failure is remembered for some seconds
            answer = await resolver.ask(Question("example.org", "MX"))
            assert (answer.status, answer.records, answer.is_secure) == (Status.FAILED, (), False)
        assert len(server.asked) == 1

    play(behave, scene)


def test_who_only_names_other_servers_has_not_answered() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
        response = dns.message.make_response(query)
        response.authority.append(dns.rrset.from_text("org.", 300, "IN", "NS", "ns.example.net."))
        return [response.to_wire()]

    assert find(("example.org", "MX"), behaviour=behave)[0].status is Status.FAILED


def test_a_server_that_does_not_know_edns_is_asked_without() -> None:
    plain = from_zones(zone(ZONE))

    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        if query.edns < 0:
            return plain(query, is_tcp)
        query.use_edns(-1)
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.FORMERR)
        return [response.to_wire()]

    assert find(("alias.example.org", "A"), behaviour=behave)[0].status is Status.FOUND


def test_silence_ends_and_is_a_failure() -> None:
    answers = find(("example.org", "MX"), behaviour=silent, try_seconds=0.05)
    assert answers[0].status is Status.FAILED


def test_a_question_ends_even_if_each_try_may_take_longer() -> None:
    answers = find(("example.org", "MX"), behaviour=silent, try_seconds=60.0, question_seconds=0.05)
    assert answers[0].status is Status.FAILED


def test_the_next_server_is_asked_when_one_refuses_and_a_silent_one_comes_last_from_then_on() -> None:
    async def scene(server: DnsServer) -> None:
        async with serving_dns(silent) as mute, serving_dns(babbling) as odd:
            ports = mute.port, odd.port, server.port
            resolver = Resolver(DnsSettings(servers=tuple(f"127.0.0.1:{port}" for port in ports), try_seconds=0.1))
            for name in ("mail", "none", "wild"):
                answer = await resolver.ask(Question(f"{name}.example.org", "NS"))
                assert answer.status is Status.NO_DATA
            assert (len(mute.asked), len(server.asked)) == (1, 3)

    play(from_zones(zone(ZONE)), scene)


def test_forged_answers_are_passed_over_and_the_true_one_is_taken() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
        forged = dns.message.make_response(query)
        forged.answer.append(dns.rrset.from_text("example.org.", 300, "IN", "A", "203.0.113.66"))
        forged.id ^= 1
        other = dns.message.make_response(dns.message.make_query("example.com", "A", id=query.id))
        true = dns.message.make_response(query)
        true.answer.append(dns.rrset.from_text("example.org.", 300, "IN", "A", "192.0.2.1"))
        return [forged.to_wire(), other.to_wire(), b"", b"\0", true.to_wire()]

    assert find(("example.org", "A"), behaviour=behave)[0].records == ("192.0.2.1",)


def test_when_somebody_guesses_the_question_is_asked_by_tcp() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text("example.org.", 300, "IN", "A", "192.0.2.1"))
        true = response.to_wire()
        return [true] if is_tcp else [bytes([n, n]) + true[2:] for n in range(9) if bytes([n, n]) != true[:2]]

    assert find(("example.org", "A"), behaviour=behave)[0].records == ("192.0.2.1",)


def test_records_of_other_names_in_an_answer_are_not_believed() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:  # noqa: ARG001
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text("example.net.", 300, "IN", "A", "203.0.113.66"))
        response.additional.append(dns.rrset.from_text("example.org.", 300, "IN", "A", "203.0.113.66"))
        return [response.to_wire()]

    assert find(("example.org", "A"), behaviour=behave)[0].records == ()


def test_bombs_are_failures() -> None:
    def behave(query: dns.message.Message, is_tcp: bool) -> Sequence[bytes]:
        response = dns.message.make_response(query)
        name = query.question[0].name
        if not is_tcp:
            response.flags |= dns.flags.TC
        elif name.labels[0] == b"many":
            records = [f"10.0.{n // 250}.{n % 250}" for n in range(400)]
            response.answer.append(dns.rrset.from_text(name, 300, "IN", "A", *records))
        elif name.labels[0] == b"crowd":
            response.answer.append(
                dns.rrset.from_text(name, 300, "IN", "A", *[f"10.1.{n % 250}.{n // 250}" for n in range(4000)])
            )
        else:
            response.answer.append(
                dns.rrset.from_text(name, 300, "IN", "TXT", *[f'"{n:03}{"x" * 250}"' for n in range(200)])
            )
        return [response.to_wire(max_size=65_535)]

    for answer in find(("many.org", "A"), ("crowd.org", "A"), ("large.org", "TXT"), behaviour=behave):
        assert (answer.status, answer.records) == (Status.FAILED, ())


def test_equal_questions_under_way_are_asked_once_and_answers_are_remembered() -> None:
    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings())
        question = Question("example.org", "MX")
        answers = await asyncio.gather(*(resolver.ask(question) for _ in range(50)))
        assert len(set(answers)) == 1
        assert (await resolver.ask(question)).records == answers[0].records
        assert len(server.asked) == 1

    play(from_zones(zone(ZONE)), scene)


def test_who_is_cancelled_takes_the_answer_from_nobody_else() -> None:
    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings())
        first = asyncio.create_task(resolver.ask(Question("example.org", "MX")))
        second = asyncio.create_task(resolver.ask(Question("example.org", "MX")))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status is Status.FOUND
        assert first.cancelled() or isinstance((await asyncio.gather(first, return_exceptions=True))[0], BaseException)

    play(from_zones(zone(ZONE)), scene)


def test_no_more_questions_are_under_way_than_allowed() -> None:
    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings(max_questions=2, question_seconds=0.3, try_seconds=60.0))
        names = [f"n{n}.example.org" for n in range(10)]
        answers = await asyncio.gather(*(resolver.ask(Question(name, "A")) for name in names))
        assert {answer.status for answer in answers} == {Status.FAILED}
        assert len(server.asked) == 2

    play(silent, scene)


def test_a_lookup_is_driven_and_its_questions_are_asked_side_by_side() -> None:
    def lookup() -> Lookup[tuple[str, ...]]:
        exchanges = yield from ask("example.org", "MX")
        hosts = [record.host for record in exchanges.records if isinstance(record, Mx)]
        found = yield from together(*(ask(host, "A") for host in sorted(hosts)))
        texts: tuple[str, ...] = found[0].texts()
        return texts

    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings())
        assert set(await resolver.run(lookup())) == {"192.0.2.1", "192.0.2.2"}
        assert {name for name, _, _ in server.asked} == {"example.org", "mail.example.org", "mail2.example.org"}

    play(from_zones(zone(ZONE)), scene)


def test_a_lookup_that_takes_too_long_is_told_failures_and_ends() -> None:
    def lookup() -> Lookup[list[Status]]:
        first = yield from ask("example.org", "MX")
        second = yield from ask("example.org", "A")
        return [first.status, second.status]

    async def scene(server: DnsServer) -> None:
        resolver = Resolver(server.settings(try_seconds=60.0))
        assert await resolver.run(lookup(), 0.05) == [Status.FAILED, Status.FAILED]
        await resolver.close()

    play(silent, scene)


def test_a_lookup_without_end_is_told_failures() -> None:
    def lookup() -> Lookup[int]:
        asked = 0
        while True:
            answer = yield from ask(f"n{asked}.example.org", "A")
            asked += 1
            if answer.status is Status.FAILED:
                return asked

    async def scene(server: DnsServer) -> None:
        assert await Resolver(server.settings()).run(lookup()) == 301
        assert len(server.asked) == 300

    play(from_zones(zone(ZONE)), scene)


def test_what_a_lookup_raises_comes_out_of_it() -> None:
    def lookup() -> Lookup[None]:
        yield from ask("example.org", "MX")
        raise LookupError

    async def scene(server: DnsServer) -> None:
        with pytest.raises(LookupError):
            await Resolver(server.settings()).run(lookup())

    play(from_zones(zone(ZONE)), scene)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "example..org",
        "a" * 64 + ".org",
        ".".join(["a" * 60] * 5),
        "exa mple.org",
        "Example.org",
        "exämple.org",
        "a\\.b.org",
        "x.onion",
        "x.invalid",
        "org.",
    ],
)
def test_names_that_cannot_be_or_must_not_be_asked_are_not(name: str) -> None:
    async def scene(server: DnsServer) -> None:
        assert (await Resolver(server.settings()).ask(Question(name, "A"))).status is Status.NO_NAME
        assert server.asked == []

    play(from_zones(zone(ZONE)), scene)


def test_localhost_is_this_host_and_nobody_is_asked() -> None:
    address, exchange = find(("localhost", "A"), ("localhost", "MX"))
    assert address.records == ("127.0.0.1",)
    assert exchange.status is Status.NO_DATA


def test_zone_files_answer_before_the_network_and_lead_out_to_it(tmp_path: Any) -> None:
    (tmp_path / "lab.zone").write_text(
        "$ORIGIN lab.test.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN A 192.0.2.3\n"
        "out IN CNAME alias.example.org.\nin IN CNAME other.test.\n"
    )
    (tmp_path / "other.zone").write_text("$ORIGIN other.test.\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN A 192.0.2.4\n")

    async def scene(server: DnsServer) -> None:
        files = f"secure:{tmp_path / 'lab.zone'}", str(tmp_path / "other.zone")
        resolver = Resolver(server.settings(zone_files=files))
        here = await resolver.ask(Question("lab.test", "A"))
        assert (here.records, here.is_secure) == (("192.0.2.3",), True)
        assert server.asked == []
        between = await resolver.ask(Question("in.lab.test", "A"))
        assert (between.records, between.is_secure, between.canonical_name) == (("192.0.2.4",), False, "other.test")
        out = await resolver.ask(Question("out.lab.test", "A"))
        assert set(out.records) == {"192.0.2.1", "192.0.2.2"}
        assert (out.canonical_name, out.ttl, out.is_secure) == ("mail.example.org", 300, False)
        assert (await resolver.ask(Question("none.lab.test", "A"))).status is Status.NO_NAME

    play(from_zones(zone(ZONE)), scene)
