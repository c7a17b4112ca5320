"""Policies of other domains: a DNS server and a policy host on loopback, a store, and a clock that is set by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.formats.mta_sts import Mode
from pillarbox.formats.tls_result import Result
from pillarbox.net.dns.resolver import Resolver
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.net.sts_fetch import resolve_by
from pillarbox.services.transport_policy import Way
from pillarbox.services.transport_requirement import Demand, Level
from pillarbox.workers.mta_sts import StsPolicies
from pillarbox.workers.transport import Transports
from tests.directory_fixture import Office, office
from tests.support.dns_server import DnsServer, from_zones, serving_dns, zone
from tests.support.loopback import Authority, Received, answering, serving

__all__ = ["office"]
ZONE = """
$ORIGIN example.org.
$TTL 300
@ IN SOA ns h 1 2 3 4 5
@ IN MX 10 mail
mail IN A 192.0.2.1
mta-sts IN A 127.0.0.1
"""
RECORD = '_mta-sts IN TXT "v=STSv1; id={id}"\n'
DAY = 86_400


def policy(mode: str = "enforce", mx: str = "mail.example.org", max_age: int = 7 * DAY) -> bytes:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age}\r\n".encode()


def http(body: bytes, status: str = "200 OK", media: str = "text/plain; charset=utf-8") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class World:
    """The other domain: its zone and its policy host can be changed at any time."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.authority = office, Authority(folder)
        self.answer = http(policy())
        self.seen: list[Received] = []
        self.name = "mta-sts.example.org"

    def publish(self, id: str | None) -> None:
        """From now on, also before the resolver, the record has this id; None: there is none."""
        text = ZONE + (RECORD.format(id=id) if id else "")
        self.dns.behaviour = from_zones(zone(text))
        self.resolver.cache.clear()

    def restart(self) -> None:
        """A process that remembers nothing."""
        self.resolver = Resolver(self.dns.settings())
        client = GuardedClient(
            AddressPolicy(["127.0.0.1"]), ca_file=self.authority.file, resolve=resolve_by(self.resolver)
        )
        self.policies = StsPolicies(bridge_to(self.office.store), self.resolver, client, self.port)
        self.transports = Transports(self.resolver, self.policies)

    def later(self, seconds: int) -> None:
        self.office.clock.now += seconds * 1000
        self.resolver.cache.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answering(self.answer, self.seen)(reader, writer)

        async with (
            serving_dns(from_zones(zone(ZONE))) as self.dns,
            serving(talk, self.authority.context(self.name)) as self.port,
        ):
            self.restart()
            yield
            await self.policies.close()

    dns: DnsServer
    resolver: Resolver
    port: int


Story = Callable[[World], Awaitable[None]]


@pytest.fixture
def play(office: Office, tmp_path: Path) -> Callable[..., None]:
    def play(story: Story, name: str = "mta-sts.example.org") -> None:
        world = World(office, tmp_path)
        world.name = name

        async def all_of_it() -> None:
            async with asyncio.timeout(20), world.running():
                await story(world)

        asyncio.run(all_of_it())

    return play


Play = Callable[..., None]


def test_a_policy_is_found_fetched_and_obeyed(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        way, _ = await world.transports.find("example.org")
        (host,) = way.hosts
        assert (host.requirement.level, host.requirement.names) == (Level.WEBPKI, ("mail.example.org",))
        (request,) = world.seen
        assert (request.method, request.target) == ("GET", "/.well-known/mta-sts.txt")
        assert request.headers["host"].startswith("mta-sts.example.org")

    play(story)


def test_a_domain_without_a_record_has_no_policy_and_is_not_asked_for_one(play: Play) -> None:
    async def story(world: World) -> None:
        found = await world.policies.find("example.org")
        assert (found.policy, found.failure, world.seen) == (None, None, [])
        assert (await world.transports.find("example.org"))[0].hosts[0].requirement.level is Level.OPPORTUNISTIC

    play(story)


def test_a_policy_is_fetched_once_for_all_who_ask_and_kept(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        found = await asyncio.gather(*(world.policies.find("example.org") for _ in range(20)))
        assert {one.policy is not None for one in found} == {True}
        world.later(3_600)
        await world.policies.find("example.org")
        assert len(world.seen) == 1

    play(story)


def test_a_new_id_brings_the_new_policy(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        await world.policies.find("example.org")
        world.answer = http(policy("testing"))
        world.publish("2")
        found = await world.policies.find("example.org")
        assert found.policy is not None
        assert found.policy.mode is Mode.TESTING

    play(story)


@pytest.mark.parametrize("gone", ["the record", "the host", "the dns"])
def test_nobody_can_take_a_policy_away_before_it_ends_not_even_over_a_restart(play: Play, gone: str) -> None:
    def failing(query: dns.message.Message, is_tcp: bool) -> list[bytes]:  # noqa: ARG001
        return [b"nonsense"]

    async def story(world: World) -> None:
        world.publish("1")
        await world.policies.find("example.org")
        world.restart()
        world.answer = http(b"", "404 Not Found")
        if gone == "the record":
            world.publish(None)
        elif gone == "the host":
            world.publish("2")
        else:
            world.dns.behaviour = failing
        found = await world.policies.find("example.org")
        assert found.policy is not None
        assert found.policy.is_enforced
        assert found.failure is (Result.STS_INVALID if gone == "the host" else None)
        world.later(7 * DAY)
        assert (await world.policies.find("example.org")).policy is None

    play(story)


def test_a_policy_that_is_in_use_is_fetched_again_in_time_and_does_not_end(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        for day in range(20):
            assert (await world.policies.find("example.org")).policy is not None, day
            await asyncio.gather(*world.policies._fetching)
            world.later(DAY)
        assert len(world.seen) > 10

    play(story)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (http(policy(), "301 Moved\r\nLocation: https://elsewhere.example/"), Result.STS_INVALID),
        (http(policy(), media="text/html"), Result.STS_INVALID),
        (http(b"<html>"), Result.STS_INVALID),
        (http(policy() + b"\r\n" * 40_000), Result.STS_FETCH_ERROR),
        (b"garbage\r\n\r\n", Result.STS_FETCH_ERROR),
        (b"", Result.STS_FETCH_ERROR),
    ],
)
def test_what_is_no_policy_is_told_and_mail_goes_as_without_one(play: Play, answer: bytes, failure: Result) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        world.answer = answer
        way, found = await world.transports.find("example.org")
        assert (found.policy, found.failure) == (None, failure)
        assert way.way is Way.OPEN
        await world.policies.find("example.org")
        assert len(world.seen) <= 1  # not again for five minutes
        world.answer = http(policy())
        world.later(301)
        assert (await world.policies.find("example.org")).policy is not None

    play(story)


def test_a_policy_host_needs_a_certificate_of_its_own_name(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        found = await world.policies.find("example.org")
        assert (found.policy, found.failure, world.seen) == (None, Result.STS_FETCH_ERROR, [])

    play(story, "other.example.org")


def test_who_must_deliver_does_not_look_for_policies(play: Play) -> None:
    async def story(world: World) -> None:
        world.publish("1")
        way, found = await world.transports.find("example.org", Demand.ANY)
        assert found.policy is None
        assert way.hosts[0].requirement.level is Level.OPPORTUNISTIC
        assert world.seen == []

    play(story)
