"""/metrics and /healthz: what they say, and to whom."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pillarbox.core.metric import Registry
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.watch import WatchResource
from pillarbox.servers.http.watcher import Watchers, WatcherSettings
from pillarbox.workers.sample import Sampler
from tests.servers.web_fixture import Web, WebMaker

PROXY = "192.0.2.1"


class Found:
    """A health that says what it is told to."""

    def __init__(self, store: str = "ok") -> None:
        self.store = store

    async def checks(self) -> Mapping[str, str]:
        return {"running": "ok", "store": self.store}


async def nothing() -> Registry:
    return Registry()


def routes(settings: WatcherSettings, *, trusted: tuple[str, ...] = (), store: str = "ok") -> list[Route]:
    return WatchResource(Watchers(settings, Forwarding(None, trusted)), Found(store), nothing).routes()


def status(web: Web, peer: str | None = "192.0.2.1", **headers: str) -> int:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.ask("GET", "/metrics", given, user=None, peer=peer).status


def test_nobody_gets_numbers_from_a_new_installation(make_web: WebMaker) -> None:
    web = make_web(routes=routes(WatcherSettings()))
    assert [status(web, peer) for peer in ("127.0.0.1", "192.0.2.1", None)] == [404, 404, 404]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.1.2.3", "", 200),
        ("192.0.2.9", "", 403),
        ("127.0.0.1", "", 200),
        # A proxy that nobody told us of: its own address counts for nothing when it speaks for others.
        ("127.0.0.1", "198.51.100.7", 403),
        # A proxy that is trusted says who it is.
        (PROXY, "10.9.9.9", 200),
        (PROXY, "198.51.100.7", 403),
        # Who is no proxy of ours cannot say so.
        ("192.0.2.9", "10.9.9.9", 403),
        (None, "", 200),
    ],
)
def test_addresses_that_are_allowed_get_numbers(
    make_web: WebMaker, peer: str | None, forwarded: str, expected: int
) -> None:
    allow = WatcherSettings(allow=("10.0.0.0/8", "127.0.0.1", "unix"))
    web = make_web(routes=routes(allow, trusted=(PROXY,)))
    assert status(web, peer, **({"x_forwarded_for": forwarded} if forwarded else {})) == expected


def test_a_token_is_asked_for_wherever_it_is_set(make_web: WebMaker) -> None:
    for settings in (WatcherSettings(token="t0"), WatcherSettings(is_own_listener=True, token="t0")):
        web = make_web(routes=routes(settings))
        assert status(web, authorization="Bearer t0") == 200
        assert status(web, authorization="bearer  t0") == 200
        assert [status(web, authorization=wrong) for wrong in ("Bearer t", "Bearer t00", "Basic t0", "")] == [401] * 4
    both = make_web(routes=routes(WatcherSettings(allow=("10.0.0.0/8",), token="t0")))
    assert status(both, "10.0.0.1") == 401
    assert status(both, "192.0.2.9", authorization="Bearer t0") == 403


def test_an_own_listener_answers_who_reaches_it(make_web: WebMaker) -> None:
    assert status(make_web(routes=routes(WatcherSettings(is_own_listener=True)))) == 200


def test_strangers_learn_no_more_than_yes_or_no(make_web: WebMaker) -> None:
    web = make_web(routes=routes(WatcherSettings(allow=("10.0.0.0/8",)), store="cannot be written (FullError)"))
    reply = web.ask("GET", "/healthz/ready", user=None)
    assert (reply.status, reply.json()) == (503, {"status": "unavailable"})
    reply = web.ask("GET", "/healthz/ready", user=None, peer="10.0.0.1")
    assert (reply.status, reply.json()["checks"]["store"]) == (503, "cannot be written (FullError)")
    assert web.ask("GET", "/healthz/live", user=None).json() == {"status": "ok"}


def test_numbers_can_be_read_by_prometheus_and_count_what_was_done(make_web: WebMaker) -> None:
    web = make_web()
    sampler = Sampler(web.bridge)
    sampler.look()
    watchers = Watchers(WatcherSettings(is_own_listener=True), Forwarding(None, ()))
    watched = make_web(routes=WatchResource(watchers, Found(), sampler.once).routes())

    def numbers() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        reply = watched.ask("GET", "/metrics", user=None)
        assert reply.header("content-type").startswith("text/plain; version=0.0.4")
        families = list(text_string_to_metric_families(reply.body.decode()))
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    before = numbers()
    web.call(("Core/echo", {}), ("Mailbox/get", {"accountId": "nobody's"}))
    web.call(("Mailbox/set", {"accountId": web.ids["alice"], "create": {"m": {"name": "Harbour"}}}))
    after = numbers()

    def more(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return after.get(key, 0) - before.get(key, 0)

    assert more("pillarbox_http_requests_total", resource="api", method="POST", status="200") == 2
    assert more("pillarbox_http_request_seconds_count", resource="api") == 2
    assert more("pillarbox_jmap_method_seconds_count", method="Core/echo") == 1
    assert more("pillarbox_jmap_errors_total", kind="account_not_found") == 1
    assert more("pillarbox_logins_total", result="succeeded") == 1
    assert more("pillarbox_commit_seconds_count") == 1
    assert more("pillarbox_write_seconds_count") == 1
    assert after["pillarbox_outbox_entries", frozenset()] == 0
    assert after["pillarbox_store_octets", frozenset({("file", "database")})] > 10_000
    assert after["pillarbox_process_resident_octets", frozenset()] > 10_000_000
