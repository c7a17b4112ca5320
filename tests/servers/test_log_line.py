"""What real requests leave in the log: one id from the listener to the store, and nobody's secrets."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core import slow
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.services.methods import echo
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import Running, open_store, serve
from tests.servers.web_fixture import CORE, Web, WebMaker, furnished, make_web, office, web
from tests.support.log import Lines

__all__ = ["furnished", "make_web", "office", "web"]
CANARY = "kanarienvogel"


def test_one_id_goes_from_the_answer_to_the_commit_that_failed(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    store = web.office.store
    assert isinstance(store, EmbeddedStore)
    monkeypatch.setattr(store.writer._db, "run", fail_at(store, "COMMIT", fail))
    with Lines() as lines:
        call = ["Mailbox/set", {"accountId": web.ids["alice"], "create": {"m": {"name": "Harbour"}}}, "0"]
        reply = web.post({"using": [CORE, "urn:ietf:params:jmap:mail"], "methodCalls": [call]})
    assert reply.json()["methodResponses"][0][1]["type"] == "serverUnavailable"
    (refused,) = lines.of("store.write_refused")
    assert (refused["id"], refused["login"]) == (reply.header("x-request-id"), "alice@example.org")
    (failed,) = lines.of("store.commit_failed")
    assert "No space left" in failed["exception"]


def fail_at(store: EmbeddedStore, statement: str, fail: Any) -> Any:
    run = store.writer._db.run
    return lambda sql, values=(): fail() if sql == statement else run(sql, values)


def test_a_write_body_runs_as_the_request_that_asked_for_it(web: Web) -> None:
    """Bodies of several requests run in one turn; each knows whose it is."""
    from pillarbox.core.operation import Operation, become, current  # noqa: PLC0415

    async def one(name: str) -> tuple[str, str, str]:
        become(Operation("test", name))
        seen = await web.bridge.write(lambda _: current())
        slowly = await web.bridge.write(lambda _: current(), slow=True)
        read = await web.bridge.read(lambda _: current(), slow=True)
        assert seen is not None
        assert slowly is not None
        assert read is not None
        stages = set(read.stages)
        assert {"wait", "write", "commit", "queue", "pool"} <= stages
        return seen.id, slowly.id, read.id

    async def all_at_once() -> list[tuple[str, str, str]]:
        return await asyncio.gather(*(asyncio.create_task(one(f"n{n}")) for n in range(8)))

    assert web.run(all_at_once()) == [(f"n{n}",) * 3 for n in range(8)]


def test_a_slow_method_is_told_with_its_name_and_the_request_with_its_stages(web: Web) -> None:
    web.call(("Core/echo", {}))  # the password is checked
    slow.tell_from(1)
    try:
        with Lines() as lines:
            web.call(*[("Mailbox/get", {"accountId": web.ids["alice"]})] * 16)
    finally:
        slow.tell_from(0)
    whole = next(line for line in lines.of("operation.slow") if line["kind"] == "http")
    assert whole["calls"] == ["Mailbox/get"] * 16
    assert "read" in whole["stages"]


def test_failed_logins_tell_who_tried_and_from_where(make_web: WebMaker) -> None:
    web = make_web(HttpSettings(trusted_proxies=("192.0.2.1",)))
    wrong = "Basic " + base64.b64encode(f"alice@example.org:{CANARY}".encode()).decode()
    with Lines() as lines:
        for _ in range(3):
            headers = {"authorization": wrong, "x-forwarded-for": "198.51.100.7"}
            assert web.ask("GET", "/jmap/session", headers, user=None).status == 401
    (line,) = lines.of("login.failed")  # the same wrong password again is one program, not three guesses
    assert (line["address"], line["login"]) == ("198.51.100.7", "alice@example.org")
    assert not [text for text in lines.json + lines.text if CANARY in text]


def test_no_secret_of_a_request_gets_into_the_log(make_web: WebMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    web = make_web(HttpSettings(access_log=True))

    def fail(*_: Any) -> Any:
        raise KeyError(f"subject {CANARY}")

    slow.tell_from(1)
    monkeypatch.setattr(type(web.bridge.store), "write", fail)
    try:
        with Lines() as lines:
            draft = {"mailboxIds": {"x": True}, "subject": CANARY, "bodyValues": {"1": {"value": CANARY}}}
            web.call(
                ("Email/set", {"accountId": web.ids["alice"], "create": {CANARY: draft}}),
                ("Email/query", {"accountId": web.ids["alice"], "filter": {"text": CANARY}}),
                (f"No/{CANARY}", {}),
                ("Mailbox/get", {"accountId": CANARY}),
            )
            web.post(f'{{"using": "{CANARY}'.encode())
            web.upload(CANARY.encode() * 100)
            for target in (f"/jmap/session?access_token={CANARY}", f"/{CANARY}", f"/jmap/download/a/b/{CANARY}"):
                web.ask("GET", target, {"cookie": CANARY, "x-other": CANARY})
            for scheme in ("Bearer", "Basic", "Digest"):
                web.ask("GET", "/jmap/session", {"authorization": f"{scheme} {CANARY}"}, user=None)
    finally:
        slow.tell_from(0)
    assert lines.of("http.request")
    assert not [text for text in lines.json + lines.text if CANARY in text.lower()]


def test_a_method_that_fails_is_logged_under_the_request_and_without_what_it_choked_on(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise ValueError(f"cannot read {CANARY}")

    broken = type(echo.ECHO)(**{f: getattr(echo.ECHO, f) for f in echo.ECHO.__dataclass_fields__} | {"read": fail})
    from pillarbox.services.registry import METHODS  # noqa: PLC0415

    monkeypatch.setitem(METHODS, "Core/echo", broken)
    with Lines() as lines:
        reply = web.post({"using": [CORE], "methodCalls": [["Core/echo", {}, "0"]]})
    (line,) = lines.of("jmap.failed")
    assert (line["id"], line["method"]) == (reply.header("x-request-id"), "Core/echo")
    assert "ValueError" in line["exception"]
    assert CANARY not in lines.json[0]


def test_a_delivery_has_one_id_in_its_reply_its_trace_and_its_line(tmp_path: Path) -> None:
    store = open_store(tmp_path / "data")
    message = f"From: <{CANARY}@sender.example>\r\nSubject: {CANARY}\r\n\r\n{CANARY}\r\n".encode()

    async def body(server: Running) -> None:
        client = await server.connect()
        (reply,) = await client.deliver("alice@example.org", message=message)
        assert (await client.say(f"RCPT TO:<{CANARY}@example.org>")).startswith("503")
        await client.say(f"MAIL FROM:<{CANARY}@sender.example>")
        assert (await client.say(f"RCPT TO:<{CANARY}@example.org>")).startswith("550")
        (line,) = lines.of("lmtp.delivered")
        assert line["id"] in reply
        assert (line["stored"], line["refused"], line["address"]) == (1, 0, "127.0.0.1")

    with Lines() as lines:
        serve(store, body)
    store.close()
    assert not [text for text in lines.json + lines.text if CANARY in text]


def test_what_is_no_http_is_one_line_and_only_some_of_them(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            for _ in range(15):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(f"\x16\x03\x01{CANARY}\r\n\r\n".encode())
                assert b" 400 " in await reader.read()
                writer.close()
                await writer.wait_closed()

    with Lines() as lines:
        web.run(talk())
    assert {line["event"] for line in lines.all()} == {"http.malformed"}
    assert len(lines.all()) <= 10
    assert not [text for text in lines.json if CANARY in text]
