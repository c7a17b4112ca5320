"""Scripts of other origins: let in when they are listed, and never with a stranger's name repeated (Fetch standard)."""

import pytest

from pillarbox.servers.http.settings import HttpSettings
from tests.servers.web_fixture import Web, WebMaker

LISTED = "https://mail.example.org"
STRANGER = "https://evil.example"
ENDPOINTS = [
    "/.well-known/jmap",
    "/jmap/session",
    "/jmap/api",
    "/jmap/upload/a/",
    "/jmap/download/a/b/c?accept=text%2Fplain",
    "/jmap/eventsource?types=*&closeafter=no&ping=0",
]
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}


@pytest.fixture
def listing(make_web: WebMaker) -> Web:
    return make_web(HttpSettings(allowed_origins=(LISTED, "https://other.example:8443/")))


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_preflight_is_answered_on_every_endpoint_without_credentials(listing: Web, path: str) -> None:
    reply = listing.ask("OPTIONS", path, {"origin": LISTED, **PREFLIGHT}, user=None)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("access-control-allow-origin") == LISTED
    assert {"Authorization", "Content-Type", "Last-Event-ID"} <= set(
        reply.header("access-control-allow-headers").split(", ")
    )
    assert {"GET", "POST"} <= set(reply.header("access-control-allow-methods").split(", "))
    assert "Origin" in reply.header("vary")


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_preflight_of_a_stranger_allows_nothing(listing: Web, path: str) -> None:
    reply = listing.ask("OPTIONS", path, {"origin": STRANGER, **PREFLIGHT}, user=None)
    assert reply.status == 204
    assert not [name for name, _ in reply.headers if name.startswith("access-control")]


def test_only_a_listed_origin_is_repeated(listing: Web) -> None:
    for origin, expected in [
        (LISTED, LISTED),
        ("https://other.example:8443", "https://other.example:8443"),
        (STRANGER, ""),
        ("null", ""),
        (LISTED + ".evil.example", ""),
        ("http://mail.example.org", ""),
    ]:
        reply = listing.ask("GET", "/jmap/session", {"origin": origin})
        assert reply.header("access-control-allow-origin") == expected
        assert reply.header("vary") in {"Accept-Encoding, Origin", "Origin"}


def test_answers_differ_by_origin_also_for_who_has_none(listing: Web) -> None:
    assert "Origin" in listing.ask("GET", "/jmap/session").header("vary")


def test_an_error_may_be_read_by_the_script_too(listing: Web) -> None:
    reply = listing.ask("POST", "/jmap/api", {"origin": LISTED}, b"", user=None)
    assert (reply.status, reply.header("access-control-allow-origin")) == (401, LISTED)
    assert "WWW-Authenticate" in reply.header("access-control-expose-headers")


def test_every_origin_is_allowed_only_without_the_browsers_credentials(make_web: WebMaker) -> None:
    web = make_web(HttpSettings(allowed_origins=("*",)))
    for method, path in [("GET", "/jmap/session"), ("OPTIONS", "/jmap/api")]:
        reply = web.ask(method, path, {"origin": STRANGER, **PREFLIGHT})
        assert reply.header("access-control-allow-origin") == "*"
        assert reply.header("access-control-allow-credentials") == ""


def test_without_a_list_no_origin_is_allowed(web: Web) -> None:
    reply = web.ask("GET", "/jmap/session", {"origin": LISTED})
    assert not [name for name, _ in reply.headers if name.startswith("access-control")]
