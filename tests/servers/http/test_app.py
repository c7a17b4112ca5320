"""The application: every way to fail ends in a problem document, and every answer is locked up (RFC 9110, RFC 9457)."""

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.http.answer import Answer
from pillarbox.servers.http.request import Request
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.settings import HttpSettings
from tests.servers.web_fixture import Web, WebMaker
from tests.support.log import Lines


async def fail(_: Request) -> Answer:
    raise RuntimeError("a secret of the inside")


async def refuse(request: Request) -> Answer:
    raise Fault(Kind[request.query()["kind"]], "because", retry_after=7)


ROUTES = [Route("/fail", {"GET": fail}), Route("/refuse", {"GET": refuse})]


def test_an_unknown_address_is_not_found(web: Web) -> None:
    for path in ("/", "/jmap", "/jmap/api/", "/jmap/apiary", "//jmap/api"):
        assert web.ask("GET", path).problem()[0] == 404
    assert web.ask("OPTIONS", "/nowhere").problem()[0] == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "POST"])
def test_another_method_is_not_allowed_and_the_right_ones_are_told(web: Web, method: str) -> None:
    reply = web.ask(method, "/jmap/session")
    assert reply.problem()[0] == 405
    assert reply.header("allow") == "GET, HEAD, OPTIONS"


def test_head_has_the_headers_of_get_without_the_body(web: Web) -> None:
    get, head = web.ask("GET", "/jmap/session"), web.ask("HEAD", "/jmap/session")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == str(len(get.body))
    assert head.header("content-type") == get.header("content-type")


@pytest.mark.parametrize(("method", "path"), [("GET", "/jmap/session"), ("GET", "/nowhere"), ("OPTIONS", "/jmap/api")])
def test_every_answer_has_the_security_headers_once(web: Web, method: str, path: str) -> None:
    reply = web.ask(method, path)
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("referrer-policy") == "no-referrer"
    assert "no-store" in reply.header("cache-control")
    assert reply.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
    names = [name for name, _ in reply.headers if name != "vary"]
    assert len(names) == len(set(names))


def test_every_request_has_an_id_of_its_own(web: Web) -> None:
    ids = {web.ask("GET", "/nowhere").header("x-request-id") for _ in range(3)}
    assert len(ids) == 3
    assert "" not in ids


def test_a_failure_is_logged_under_the_id_and_tells_nothing(
    make_web: WebMaker, caplog: pytest.LogCaptureFixture
) -> None:
    reply = make_web(routes=ROUTES).ask("GET", "/fail")
    assert reply.problem()[0] == 500
    assert b"secret" not in reply.body
    id = reply.header("x-request-id")
    assert id.encode() in reply.body
    assert any(r.__dict__["operation"].id == id and r.exc_info for r in caplog.records)


@pytest.mark.parametrize(
    ("kind", "status", "retry"),
    [("FORBIDDEN", 403, "7"), ("RATE_LIMIT", 429, "7"), ("OVER_QUOTA", 507, "7"), ("UNAVAILABLE", 503, "7")],
)
def test_a_fault_becomes_a_problem_document(make_web: WebMaker, kind: str, status: int, retry: str) -> None:
    reply = make_web(routes=ROUTES).ask("GET", f"/refuse?kind={kind}")
    assert reply.problem() == (status, "blank")
    assert reply.json()["detail"] == "because"
    assert reply.header("retry-after") == retry


def test_the_access_log_is_off_unless_it_is_wanted(make_web: WebMaker) -> None:
    with Lines() as lines:
        make_web().ask("GET", "/jmap/session")
        assert not lines.of("http.request")
        make_web(HttpSettings(access_log=True)).ask("GET", "/jmap/session?token=secret")
    (line,) = lines.of("http.request")
    assert line["address"] == "192.0.2.1"
    assert (line["method"], line["resource"], line["status"]) == ("GET", "session", 200)
    assert line["login"] == "alice@example.org"
    assert not [text for text in lines.json if "secret" in text]


@pytest.mark.parametrize("type", ["websocket", "lifespan"])
def test_what_is_no_request_is_answered_in_its_own_words(web: Web, type: str) -> None:
    sent: list[Any] = []
    told = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return told.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    web.run(web.app({"type": type}, receive, send))
    expected = (
        ["websocket.close"] if type == "websocket" else ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    )
    assert sent == expected


def test_a_body_that_is_a_little_too_large_is_read_to_its_end_so_that_the_answer_is_heard(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=1_000)

    async def send(length: str, **headers: str) -> int:
        given = {"content-length": length, **headers}
        exchange = web.begin("POST", f"/jmap/upload/{web.ids['alice']}/", given, chunks=[b"x" * 300] * 5, ends=False)
        assert (await exchange.whole()).status == 413
        return exchange.pieces_read

    assert 0 < web.run(send("1500")) <= 5
    assert web.run(send("1500", expect="100-continue")) == 0
