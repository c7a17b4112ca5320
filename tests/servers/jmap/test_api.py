"""The API address: what is a request, what is refused as a whole, and what comes back (RFC 8620 §3)."""

import asyncio
import gzip
from typing import Any

import msgspec
import pytest

from pillarbox.servers.jmap.api import decode
from tests.directory_fixture import Office
from tests.servers.web_fixture import CORE, MAIL, Reply, Web, WebMaker

ECHO: dict[str, Any] = {"using": [CORE], "methodCalls": [["Core/echo", {"hello": True, "high": {"five": 5}}, "c1"]]}


def test_echo_gives_back_exactly_the_arguments(web: Web) -> None:
    reply = web.post(ECHO)
    assert reply.status == 200
    assert reply.header("content-type") == "application/json"
    assert reply.json()["methodResponses"] == [["Core/echo", {"hello": True, "high": {"five": 5}}, "c1"]]


def test_echo_gives_back_an_empty_object(web: Web) -> None:
    assert web.call(("Core/echo", {}))["methodResponses"] == [["Core/echo", {}, "0"]]


@pytest.mark.parametrize(
    "type", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonp", "text/json"]
)
def test_another_content_type_is_not_json(web: Web, type: str) -> None:
    assert web.post(ECHO, content_type=type).problem() == (415, "notJSON")


def test_a_charset_beside_the_content_type_does_no_harm(web: Web) -> None:
    assert web.post(ECHO, content_type="Application/JSON; charset=utf-8").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b'{"using": [], "methodCalls": [',
        b'{"using": 1, garbage',
        b'{"using":["\xff"],"methodCalls":[]}',
        b'{"using":["\\ud800"],"methodCalls":[]}',
        b'{"using":[],"methodCalls":[["a",{"x":NaN},"c"]]}',
        b'{"using":[],"methodCalls":[]} trailing',
        b'{"using":[],"methodCalls":[],"using":[]}',
        b'{"using":[],"methodCalls":[["Core/echo",{"a:":1,"\\u0061:":2},"c"]]}',
        b'{"using":[],"methodCalls":[["Core/echo",{"x":[{"y":{"a":1,"a":1}}]},"c"]]}',
        b'{"using":[],"methodCalls":[],"createdIds":{"a":"b","a":"b"}}',
        b'{"using":[],"methodCalls":[],"more":{"a":1,"a":1}}',
        b'{"using":[],"methodCalls":[],"more":"\\ud800"}',
    ],
)
def test_what_is_no_i_json_is_told_as_not_json(web: Web, body: bytes) -> None:
    assert web.post(body).problem() == (400, "notJSON")


@pytest.mark.parametrize(
    "request_",
    [
        [],
        "using",
        {"foo": "bar"},
        {"using": [CORE]},
        {"using": CORE, "methodCalls": []},
        {"using": [CORE], "methodCalls": {}},
        {"using": [CORE], "methodCalls": [["Core/echo", {}]]},
        {"using": [CORE], "methodCalls": [["Core/echo", [], "c"]]},
        {"using": [CORE], "methodCalls": [["Core/echo", {}, 1]]},
        {"using": [CORE], "methodCalls": [], "createdIds": {"a": 1}},
    ],
)
def test_json_that_is_no_request_is_told_as_not_request(web: Web, request_: Any) -> None:
    assert web.post(request_).problem() == (400, "notRequest")


def test_further_properties_of_a_request_are_ignored(web: Web) -> None:
    # RFC 8620 §3.3: "a server MUST ignore any other properties it does not understand on the JMAP Request object".
    assert web.post({**ECHO, "unknown": {"x": 1}}).status == 200
    assert web.post({**ECHO, "createdIds": None}).status == 200


def test_an_unknown_capability_refuses_the_request_and_is_named(web: Web) -> None:
    reply = web.post({"using": [CORE, "https://example.com/apis/foobar"], "methodCalls": []})
    assert reply.problem() == (400, "unknownCapability")
    assert "https://example.com/apis/foobar" in reply.json()["detail"]


def test_an_empty_using_is_processed_and_opens_no_method(web: Web) -> None:
    answer = web.call(("Core/echo", {}), ("Mailbox/get", {"accountId": web.ids["alice"]}), using=[])
    assert [(name, error["type"]) for name, error, _ in answer["methodResponses"]] == [("error", "unknownMethod")] * 2


def test_a_method_whose_capability_is_not_named_does_not_exist(web: Web) -> None:
    answer = web.call(("Mailbox/get", {"accountId": web.ids["alice"]}), using=[CORE])
    assert answer["methodResponses"][0][1]["type"] == "unknownMethod"


def test_too_many_calls_are_refused_with_the_limits_name(make_web: WebMaker) -> None:
    web = make_web(max_calls_in_request=2)
    calls = [["Core/echo", {}, str(at)] for at in range(3)]
    assert web.post({"using": [CORE], "methodCalls": calls[:2]}).status == 200
    reply = web.post({"using": [CORE], "methodCalls": calls})
    assert reply.problem() == (400, "limit")
    assert reply.json()["limit"] == "maxCallsInRequest"


def test_a_request_that_says_it_is_too_large_is_refused_before_it_is_parsed(make_web: WebMaker) -> None:
    web = make_web(max_size_request=100)
    reply = web.post(b"[" * 101)
    assert reply.problem() == (400, "limit")
    assert reply.json()["limit"] == "maxSizeRequest"


def test_a_request_that_grows_too_large_is_refused_while_it_is_read(make_web: WebMaker) -> None:
    web = make_web(max_size_request=100)

    async def stream() -> tuple[Reply, int]:
        headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
        exchange = web.begin("POST", "/jmap/api", headers, chunks=[b"x" * 40] * 1000)
        return await exchange.whole(), exchange.pieces_read

    reply, read = web.run(stream())
    assert reply.json()["limit"] == "maxSizeRequest"
    assert reply.header("connection") == "close"
    assert read < 10


def test_a_request_of_exactly_the_limit_is_taken(make_web: WebMaker) -> None:
    body = msgspec.json.encode(ECHO)
    assert make_web(max_size_request=len(body)).post(body).status == 200


@pytest.mark.parametrize(
    "body", [b"[" * 2_000_000, b'{"a":' * 400_000, b'{"using":[],"methodCalls":[["a",{"x":' + b"[" * 2_000_000]
)
def test_a_mountain_of_brackets_is_refused(web: Web, body: bytes) -> None:
    status, type = web.post(body).problem()
    assert status == 400
    assert type in {"notJSON", "notRequest"}


def test_arguments_nested_past_the_limit_are_refused_and_those_within_it_are_not(make_web: WebMaker) -> None:
    web = make_web(max_json_depth=20)

    def nested(depth: int) -> bytes:
        # The request, its calls, the call and its arguments are four.
        inside = b"[" * (depth - 4) + b"]" * (depth - 4)
        return b'{"using":["%b"],"methodCalls":[["Core/echo",{"x":%b},"c"]]}' % (CORE.encode(), inside)

    assert web.post(nested(20)).status == 200
    assert web.post(nested(21)).problem() == (400, "notJSON")


def test_a_very_long_number_is_an_answer_and_no_crash() -> None:
    with pytest.raises(Exception, match=r".+") as refused:
        decode(b'{"using":[],"methodCalls":[["a",{"x":' + b"9" * 100_000 + b'},"c"]]', 100)
    assert type(refused.value).__name__ == "Problem"


def test_escaped_slashes_are_read_in_method_names(web: Web) -> None:
    reply = web.post(b'{"using":["%b"],"methodCalls":[["Core\\/echo",{},"c"]]}' % CORE.encode())
    assert reply.json()["methodResponses"][0][0] == "Core/echo"


def test_a_body_with_a_content_coding_is_not_read(web: Web) -> None:
    reply = web.post(ECHO, content_encoding="gzip")
    assert reply.problem()[0] == 415


def test_created_ids_come_back_only_when_they_were_given(web: Web) -> None:
    assert "createdIds" not in web.call(("Core/echo", {}))
    assert web.call(("Core/echo", {}), createdIds={})["createdIds"] == {}
    assert web.call(("Core/echo", {}), createdIds={"k": "m1"})["createdIds"] == {"k": "m1"}


def test_created_ids_grow_with_what_is_created(web: Web) -> None:
    create = {"accountId": web.ids["alice"], "create": {"new": {"name": "Plans"}}}
    answer = web.call(("Mailbox/set", create), createdIds={})
    assert answer["createdIds"] == {"new": answer["methodResponses"][0][1]["created"]["new"]["id"]}


def test_errors_of_methods_and_of_records_are_told_in_jmaps_words(web: Web) -> None:
    alice = web.ids["alice"]
    answer = web.call(
        ("Mailbox/get", {}),
        ("Mailbox/get", {"accountId": "nobody"}),
        ("No/such", {}),
        (
            "Mailbox/set",
            {"accountId": alice, "create": {"a": {"name": "Inbox"}, "b": {"name": 5}}, "destroy": ["nothing"]},
        ),
        ("Core/echo", {}),
    )
    first, second, third, (_, result, _), last = answer["methodResponses"]
    assert (first[0], first[1]["type"]) == ("error", "invalidArguments")
    assert second[1]["type"] == "accountNotFound"
    assert third[1]["type"] == "unknownMethod"
    assert result["notCreated"]["a"]["type"] == "alreadyExists"
    assert result["notCreated"]["a"]["existingId"]
    assert (result["notCreated"]["b"]["type"], result["notCreated"]["b"]["properties"]) == (
        "invalidProperties",
        ["name"],
    )
    assert result["notDestroyed"]["nothing"]["type"] == "notFound"
    assert last == ["Core/echo", {}, "4"]


def test_more_requests_at_once_than_the_limit_are_refused(make_web: WebMaker) -> None:
    web = make_web(max_concurrent_requests=2)
    body = msgspec.json.encode(ECHO)

    async def crowd() -> tuple[Reply, Reply, Reply]:
        headers = {"content-type": "application/json"}
        await web.begin("GET", "/jmap/session").whole()  # so that nobody waits for a password
        waiting = [web.begin("POST", "/jmap/api", headers, chunks=[body[:9]], ends=False) for _ in range(2)]
        await asyncio.sleep(0)
        third = await web.begin("POST", "/jmap/api", headers, chunks=[body]).whole()
        other = await web.begin("POST", "/jmap/api", headers, chunks=[body], user="bob").whole()
        for exchange in waiting:
            exchange.hang_up()
        await asyncio.gather(*(exchange.task for exchange in waiting))
        return third, other, await web.begin("POST", "/jmap/api", headers, chunks=[body]).whole()

    third, other, later = web.run(crowd())
    assert third.problem() == (429, "limit")
    assert third.json()["limit"] == "maxConcurrentRequests"
    assert third.header("retry-after") == "1"
    assert other.status == 200
    assert later.status == 200


def test_the_api_address_takes_only_post(web: Web) -> None:
    reply = web.ask("GET", "/jmap/api")
    assert reply.problem()[0] == 405
    assert reply.header("allow") == "OPTIONS, POST"


def test_another_callers_account_is_not_found(office: Office, web: Web) -> None:
    bob = office.id_of("bob@example.org")
    answer = web.call(("Mailbox/get", {"accountId": bob}), ("Mailbox/get", {"accountId": "directory"}))
    assert [result["type"] for _, result, _ in answer["methodResponses"]] == ["accountNotFound"] * 2


def test_a_large_answer_is_compressed_for_who_accepts_it(web: Web) -> None:
    request = {"using": [CORE, MAIL], "methodCalls": [["Core/echo", {"text": "mail " * 1000}, "c"]]}
    plain, small = web.post(request), web.post(ECHO, accept_encoding="gzip")
    packed = web.post(request, accept_encoding="gzip, deflate, br")
    refused = web.post(request, accept_encoding="br, gzip;q=0")
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.header("content-length")) == len(packed.body) < 500
    assert "Accept-Encoding" in packed.header("vary")
    assert [r.header("content-encoding") for r in (plain, small, refused)] == ["", "", ""]
    assert "Accept-Encoding" in plain.header("vary")


def test_references_to_references_cannot_fill_the_memory(make_web: WebMaker) -> None:
    web = make_web(max_reference_octets=10_000)
    calls: list[tuple[str, dict[str, Any]]] = [("Core/echo", {"a": ["x" * 100] * 10})]
    for at in range(1, 16):
        before = {"resultOf": str(at - 1), "name": "Core/echo", "path": ""}
        calls.append(("Core/echo", {f"#{name}": before for name in "abcde"}))
    answers = web.call(*calls)["methodResponses"]
    assert answers[1][0] == "Core/echo"
    assert [answer[1]["type"] for answer in answers[2:]] == ["invalidResultReference"] * 14
    assert len(msgspec.json.encode(answers)) < 20_000


def test_many_references_into_one_large_answer_are_refused(make_web: WebMaker) -> None:
    web = make_web(max_reference_octets=10_000)
    name = {"resultOf": "0", "name": "Mailbox/get", "path": "/list/0/name"}
    answers = web.call(
        ("Mailbox/get", {"accountId": web.ids["alice"]}), ("Core/echo", {f"#{n}": name for n in range(999)})
    )
    assert answers["methodResponses"][1][1]["type"] == "invalidResultReference"


def test_a_request_of_very_many_values_is_refused_before_they_are_made(make_web: WebMaker) -> None:
    web = make_web(max_json_values=100)
    many = {"using": [CORE], "methodCalls": [["Core/echo", {"a": [[]] * 100}, "c"]]}
    reply = web.post(many)
    assert reply.problem() == (400, "limit")
    assert reply.json()["limit"] == "maxSizeRequest"
    text = {"using": [CORE], "methodCalls": [["Core/echo", {"a": '[{,\\"' * 500}, "c"]]}
    assert web.post(text).status == 200
