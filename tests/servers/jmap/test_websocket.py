"""JMAP over WebSocket: handshake, requests side by side, errors, the end (RFC 8887), by a library and by hand."""

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.jmap.timing import Timing
from tests.directory_fixture import Office
from tests.servers.jmap.socket_client import by_hand, talking
from tests.servers.web_fixture import CORE, Web, WebMaker, basic
from tests.wire.websocket.client_frame import masked, text

ECHO = ("Core/echo", {"hello": True})


def test_a_request_is_answered_with_its_id(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            assert client.connection.subprotocol == "jmap"
            await client.call("R1", ECHO, ("Nonsense/get", {}))
            answer = await client.hear()
            assert (answer["@type"], answer["requestId"]) == ("Response", "R1")
            assert answer["methodResponses"][0] == ["Core/echo", {"hello": True}, "0"]
            assert answer["methodResponses"][1][1]["type"] == "unknownMethod"
            assert answer["sessionState"]
            assert "createdIds" not in answer

    web.run(talk())


def test_a_request_without_an_id_is_answered_without_one_and_created_ids_are_given_back(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            calls = [["Core/echo", {}, "a"]]
            await client.say(at_type="Request", using=[CORE], methodCalls=calls, createdIds={"k": "v"})
            answer = await client.hear()
            assert "requestId" not in answer
            assert answer["createdIds"] == {"k": "v"}

    web.run(talk())


def test_many_requests_at_once_are_all_answered(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            for at in range(16):
                await client.call(f"R{at}", ("Mailbox/get", {"accountId": web.ids["alice"]}))
            answers = [await client.hear() for _ in range(16)]
            assert {a["requestId"] for a in answers} == {f"R{at}" for at in range(16)}

    web.run(talk())


def test_more_requests_than_may_run_at_once_are_refused_by_the_limit(make_web: WebMaker) -> None:
    web = make_web(max_concurrent_requests=1)

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            one = {"@type": "Request", "using": [CORE], "methodCalls": [["Core/echo", {}, "a"]]}
            frames = [text(msgspec.json.encode({**one, "id": f"R{at}"})) for at in range(2)]
            hand.writer.write(b"".join(frames))
            answers = [msgspec.json.decode((await hand.frame())[1]) for _ in range(2)]
            refused, answered = sorted(answers, key=lambda a: a["@type"] == "Response")
            assert answered["requestId"] == "R0"
            assert (refused["@type"], refused["requestId"], refused["limit"]) == (
                "RequestError",
                "R1",
                "maxConcurrentRequests",
            )

    web.run(talk())


@pytest.mark.parametrize(
    ("message", "type", "id"),
    [
        (b"{", "notJSON", None),
        (b'{"@type":"Request","id":"x","using":[],"methodCalls":[["Core/echo",{"a":1,"a":2},"c"]]}', "notJSON", "x"),
        (b"", "notJSON", None),
        (b"[" * 5_000, "notJSON", None),
        (b"[]", "notRequest", None),
        (b'{"id": "a"}', "notRequest", None),
        (b'{"@type": "Question", "id": "a"}', "notRequest", "a"),
        (b'{"@type": "Request", "id": "a"}', "notRequest", "a"),
        (b'{"@type": "Request", "id": 5, "using": [], "methodCalls": []}', "notRequest", None),
        (b'{"@type": "Request", "id": "a", "using": [], "methodCalls": [["x", {}]]}', "notRequest", "a"),
        (b'{"@type": "Request", "id": "a", "using": ["urn:x"], "methodCalls": []}', "unknownCapability", "a"),
        (b'{"@type": "WebSocketPushEnable", "dataTypes": "Email"}', "notRequest", None),
        (b'{"@type": "Request", "id": "%b", "using": [], "methodCalls": []}' % (b"x" * 300), "notRequest", None),
    ],
)
def test_what_is_no_request_is_told_so_and_the_connection_lives_on(
    web: Web, message: bytes, type: str, id: str | None
) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.connection.send(message, text=True)
            answer = await client.hear()
            assert answer["@type"] == "RequestError"
            assert answer["type"] == f"urn:ietf:params:jmap:error:{type}"
            assert answer["requestId"] == id
            assert answer["status"] == 400
            await client.call("R1", ECHO)
            assert (await client.hear())["requestId"] == "R1"

    web.run(talk())


@pytest.mark.parametrize("compression", ["deflate", None])
def test_large_messages_go_both_ways_compressed_or_not(web: Web, compression: Any) -> None:
    async def talk() -> None:
        async with talking(web, compression=compression, max_size=None) as client:
            answer = client.connection.response
            assert answer is not None
            assert ("Sec-WebSocket-Extensions" in answer.headers) is (compression is not None)
            for size in (10, 5_000, 400_000):
                await client.call("R", ("Core/echo", {"data": "abcdefgh" * size}))
                assert (await client.hear())["methodResponses"][0][1] == {"data": "abcdefgh" * size}

    web.run(talk())


def test_fragments_are_put_together_and_pings_between_them_are_answered(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            whole = msgspec.json.encode(
                {"@type": "Request", "id": "R1", "using": [CORE], "methodCalls": [["Core/echo", {}, "a"]]}
            ).decode()
            pong = await client.connection.ping()
            await client.connection.send(iter([whole[:20], whole[20:50], whole[50:]]))
            assert (await client.hear())["requestId"] == "R1"
            await pong

    web.run(talk())


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (masked(1, b"x", mask=False), 1002),
        (masked(2, b"x"), 1003),
        (text(b"\xff"), 1007),
        (masked(1, b"x" * 70_000), 1009),
        (masked(1, b"x", rsv=0x40), 1002),
        (masked(8, (1000).to_bytes(2, "big")), 1000),
        (masked(8, (3333).to_bytes(2, "big") + b"mine"), 1000),
    ],
)
def test_the_connection_is_closed_with_the_right_code(make_web: WebMaker, octets: bytes, code: int) -> None:
    web = make_web(max_size_request=65_000)

    async def talk() -> None:
        async with by_hand(web) as (hand, status, _):
            assert status == 101
            hand.writer.write(octets)
            assert await hand.close_code() == code

    web.run(talk())


def test_what_follows_a_failure_is_not_heard(web: Web) -> None:
    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            hand.writer.write(masked(2, b"x") + text(b"{}") * 3)
            assert await hand.close_code() == 1003

    web.run(talk())


def test_frames_in_one_write_with_the_handshake_do_no_harm(web: Web) -> None:
    async def talk() -> None:
        # RFC 6455 §4.1: a client waits for the answer; what it sends before is not in our care.
        async with by_hand(web, more=text(b"{}")) as (hand, status, _):
            assert status == 101
            hand.writer.write(masked(9, b"?"))
            first, payload = await hand.frame()
            while first != 0x8A:
                first, payload = await hand.frame()
            assert payload == b"?"

    web.run(talk())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": None}, 401),
        ({"authorization": basic("alice", "wrong")}, 401),
        ({"sec_websocket_protocol": None}, 400),
        ({"sec_websocket_protocol": "graphql-ws"}, 400),
        ({"sec_websocket_key": "x"}, 400),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_version": "8"}, 426),
        ({"connection": "keep-alive"}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_a_handshake_that_is_not_right_is_refused(web: Web, headers: dict[str, Any], status: int) -> None:
    async def talk() -> None:
        async with by_hand(web, **headers) as (_, found, head):
            assert found == status
            assert "sec-websocket-accept" not in head
            if status == 426:
                assert "upgrade: websocket" in head

    web.run(talk())


@pytest.mark.parametrize("line", ["POST /jmap/ws HTTP/1.1", "GET /jmap/ws HTTP/1.0", "HEAD /jmap/ws HTTP/1.1"])
def test_only_a_get_of_http_1_1_is_a_handshake(web: Web, line: str) -> None:
    async def talk() -> None:
        async with by_hand(web, line) as (_, status, _):
            assert status in (405, 426)

    web.run(talk())


def test_a_connection_whose_handshake_was_refused_serves_on(web: Web) -> None:
    async def talk() -> None:
        async with by_hand(web, authorization=None) as (hand, status, head):
            assert status == 401
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            await hand.reader.readexactly(length)
            hand.writer.write(b"GET /jmap/session HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await hand.reader.readline()).split()[1] == b"401"

    web.run(talk())


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        (HttpSettings(), "http://mail.example.org"),
        (HttpSettings(public_url="https://jmap.example.org"), "https://jmap.example.org"),
        (HttpSettings(allowed_origins=("https://app.example",)), "https://app.example"),
        (HttpSettings(allowed_origins=("*",)), "https://anything.example"),
    ],
)
def test_scripts_of_ones_own_origin_and_of_those_that_are_listed_are_let_in(
    make_web: WebMaker, settings: HttpSettings, origin: str
) -> None:
    web = make_web(settings)

    async def talk() -> None:
        async with by_hand(web, origin=origin) as (_, status, _):
            assert status == 101

    web.run(talk())


def test_the_session_names_the_address(web: Web) -> None:
    session = web.ask("GET", "/jmap/session", {"host": "mail.example.org"}).json()
    websocket = session["capabilities"]["urn:ietf:params:jmap:websocket"]
    assert websocket == {"url": "ws://mail.example.org/jmap/ws", "supportsPush": True}


def test_the_address_is_wss_where_the_public_url_is_https(make_web: WebMaker) -> None:
    session = make_web(HttpSettings(public_url="https://mail.example.org")).ask("GET", "/jmap/session").json()
    capabilities = session["capabilities"]
    assert capabilities["urn:ietf:params:jmap:websocket"]["url"] == "wss://mail.example.org/jmap/ws"
    assert capabilities["urn:pillarbox:params:jmap:ticket"]["url"] == "https://mail.example.org/jmap/ticket"


def test_a_revoked_login_is_closed_at_its_next_request(office: Office, web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.call("R1", ECHO)
            await client.hear()
            await asyncio.to_thread(office.update, "Account", web.ids["alice"], {"password": "another one"})
            await client.call("R2", ECHO)
            assert await client.code() == 1008

    web.run(talk())


def test_a_revoked_login_is_closed_without_a_request_too(office: Office, make_web: WebMaker) -> None:
    web = make_web(timing=Timing(gather=0, recheck=0, sweep=0.01))

    async def talk() -> None:
        async with talking(web) as client:
            await asyncio.to_thread(office.update, "Account", web.ids["alice"], {"isEnabled": False})
            assert await client.code() == 1008

    web.run(talk())


def test_the_server_goes_away_when_it_stops_and_answers_first(web: Web) -> None:
    async def talk() -> None:
        async with talking(web) as client:
            await client.call("R1", ("Mailbox/set", {"accountId": web.ids["alice"], "create": {"a": {"name": "New"}}}))
            await client.settle()  # both are heard, and one is not answered: a change waits for the disk
            stopping = asyncio.ensure_future(client.listener.stop())
            answers = client.early + await client.rest()
            assert [answer["requestId"] for answer in answers] == ["R1"]
            assert client.connection.close_code == 1001
            await stopping

    web.run(talk())


def test_a_silent_client_is_asked_whether_it_is_there(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(sweep=0.01, idle=0, patience=60))

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            assert await hand.frame() == (0x89, b"")
            hand.writer.write(masked(10))
            assert await hand.frame() == (0x89, b"")

    web.run(talk())


def test_a_client_that_does_not_answer_is_given_up(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(sweep=0.01, idle=0, patience=0.02))

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            assert await hand.frame() == (0x89, b"")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await hand.frame()

    web.run(talk())


def test_a_message_that_does_not_end_is_given_up(make_web: WebMaker) -> None:
    web = make_web(timing=Timing(sweep=0.01, idle=60, patience=0.02))

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            hand.writer.write(text(b"x" * 50)[:20])
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await hand.frame()

    web.run(talk())


def test_an_account_may_have_only_so_many_open(make_web: WebMaker) -> None:
    web = make_web(max_open_streams=1)

    async def talk() -> None:
        async with talking(web):
            with pytest.raises(InvalidStatus) as caught:
                async with talking(web):
                    pass
            assert caught.value.response.status_code == 429
            async with talking(web, "bob"):
                pass
        async with talking(web):
            pass

    web.run(talk())


def test_large_unfinished_messages_of_an_account_are_counted(make_web: WebMaker) -> None:
    web = make_web(max_concurrent_requests=1)

    async def talk() -> None:
        async with by_hand(web) as (first, _, _), by_hand(web) as (second, _, _):
            first.writer.write(masked(1, b"x" * 200_000, fin=False) + masked(9))
            assert (await first.frame())[0] == 0x8A
            second.writer.write(masked(1, b"x" * 200_000, fin=False))
            assert await second.close_code() == 1013

    web.run(talk())
