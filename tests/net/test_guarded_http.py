"""The guarded client against real servers on loopback, most of them hostile."""

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from pillarbox.net.guarded_http import Answer, BadAnswer, GuardedClient, OutboundError, Refused, Unreachable
from pillarbox.net.outbound_address import AddressPolicy
from tests.support.loopback import Authority, Received, Talk, answering, read_request, serving

LOOPBACK = AddressPolicy(["127.0.0.0/8"])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Word: a\r\nX-Word: b\r\n\r\nhello"


def ask(talk: Talk, policy: AddressPolicy = LOOPBACK, **more: Any) -> Answer:
    async def run() -> Answer:
        async with serving(talk) as port:
            return await GuardedClient(policy).send(
                more.pop("method", "GET"), f"http://127.0.0.1:{port}/x?y", more.pop("headers", {}), **more
            )

    return asyncio.run(run())


def refuse(talk: Talk, **more: Any) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        ask(talk, **{"max_octets": 1_000, **more})
    return caught.value


def test_an_answer_comes_back_with_status_headers_and_body() -> None:
    answer = ask(answering(OK), max_octets=100)
    assert (answer.status, answer.body, answer.headers["x-word"]) == (200, b"hello", "a")


def test_the_body_is_not_read_unless_it_is_wanted() -> None:
    answer = ask(answering(b"HTTP/1.1 201 Created\r\nContent-Length: 999999999\r\n\r\nx"))
    assert (answer.status, answer.body) == (201, b"")


def test_a_request_says_who_it_is_for_and_asks_for_no_coding() -> None:
    seen: list[Received] = []
    ask(answering(OK, seen), method="POST", headers={"TTL": "60"}, body=b"data")
    assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/x?y", b"data")
    assert seen[0].headers["host"].startswith("127.0.0.1:")
    assert seen[0].headers["accept-encoding"] == "identity"
    assert seen[0].headers["ttl"] == "60"
    assert seen[0].headers["content-length"] == "4"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    reached: list[Received] = []

    async def run() -> Answer:
        async with serving(answering(OK, reached)) as secret:
            head = f"HTTP/1.1 {status} Go\r\nLocation: http://127.0.0.1:{secret}/\r\nContent-Length: 0\r\n\r\n"
            async with serving(answering(head.encode())) as port:
                return await GuardedClient(LOOPBACK).send("GET", f"http://127.0.0.1:{port}/", {})

    assert asyncio.run(run()).status == status
    assert reached == []


def test_a_header_with_a_line_break_is_not_sent() -> None:
    assert isinstance(refuse(answering(OK), headers={"X": "a\r\nHost: other"}), BadAnswer)


# --- too much, too slow, not HTTP


def test_a_body_that_is_too_large_is_refused_as_it_comes() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:  # until the client hangs up
            writer.write(b"x" * 65_536)
            await writer.drain()

    assert isinstance(refuse(talk), BadAnswer)


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",  # informational answers
        b"X-Header: yes\r\n",  # one head
        b"1;" + b"e" * 50 + b"\r\nx\r\n",  # chunks that are mostly extension
    ],
)
def test_an_answer_without_end_is_cut_off(endless: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if endless.startswith(b"X"):
            writer.write(b"HTTP/1.1 200 OK\r\n")
        if endless.startswith(b"1"):
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(endless * 100)
            await writer.drain()

    assert isinstance(refuse(talk, max_octets=100_000_000 if endless.startswith(b"H") else 1_000), BadAnswer)


def test_a_compressed_body_is_refused_before_it_is_read() -> None:
    bomb = zlib.compress(b"\x00" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert "coding" in str(refuse(answering(head + bomb), max_octets=100_000))


def _silent(part: bytes) -> Talk:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        await writer.drain()
        await asyncio.Event().wait()

    return talk


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 2", OK[:-1]])
def test_the_deadline_ends_an_answer_that_does_not_come(part: bytes) -> None:
    error = refuse(_silent(part), seconds=0.05)
    assert isinstance(error, Unreachable)
    assert "0.05 seconds" in str(error)


def test_the_deadline_holds_for_the_whole_of_a_slow_drip() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.005)

    assert isinstance(refuse(talk, seconds=0.1), Unreachable)


def test_the_deadline_holds_for_the_name_too() -> None:
    async def never(_name: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(Unreachable, match="seconds"):
        asyncio.run(GuardedClient(LOOPBACK, resolve=never).send("GET", "https://a.example/", {}, seconds=0.05))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_a_bad_answer(answer: bytes) -> None:
    assert isinstance(refuse(answering(answer)), BadAnswer)


# --- where it may go


def _resolving(*addresses: str) -> Callable[[str, int], Coroutine[Any, Any, Sequence[str]]]:
    async def resolve(_name: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://push.example.com/",
        "http://93.184.215.14/",
        "https://push.example.com:25/",
        "https://push.example.com:80/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "https://user@push.example.com/",
        "nonsense",
    ],
)
def test_what_the_text_of_a_url_forbids_is_refused_without_a_look_up(url: str) -> None:
    with pytest.raises(Refused):
        GuardedClient(AddressPolicy()).check(url)


def test_plain_http_is_spoken_only_to_addresses_that_were_allowed_by_name() -> None:
    client = GuardedClient(LOOPBACK)
    assert client.check("http://127.0.0.1:81/").port == 81
    for url in ("http://localhost/", "http://1.1.1.1/"):
        with pytest.raises(Refused, match="https"):
            client.check(url)


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("::1", "10.0.0.1"), ("::ffff:192.168.0.1",), ("169.254.1.1",)])
def test_a_name_that_leads_to_private_addresses_is_refused(addresses: tuple[str, ...]) -> None:
    client = GuardedClient(AddressPolicy(), resolve=_resolving(*addresses))
    with pytest.raises(Refused, match="no public address"):
        asyncio.run(client.send("GET", "https://rebind.example/", {}))


def test_a_name_without_addresses_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        asyncio.run(GuardedClient(AddressPolicy(), resolve=_resolving()).send("GET", "https://a.example/", {}))


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    asked: list[str] = []

    async def rebinding(name: str, _port: int) -> Sequence[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async def run() -> Answer:
        async with serving(answering(OK), authority.context("push.example")) as port:
            client = GuardedClient(LOOPBACK, ca_file=authority.file, resolve=rebinding)
            return await client.send("GET", f"https://push.example:{port}/", {})

    assert asyncio.run(run()).status == 200
    assert asked == ["push.example"]


def test_private_addresses_among_public_ones_are_passed_over(tmp_path: Path) -> None:
    authority, policy = Authority(tmp_path), AddressPolicy(["127.0.0.1"])

    async def run() -> Answer:
        async with serving(answering(OK), authority.context("push.example")) as port:
            client = GuardedClient(policy, ca_file=authority.file, resolve=_resolving("127.0.0.2", "::1", "127.0.0.1"))
            return await client.send("GET", f"https://push.example:{port}/", {})

    assert asyncio.run(run()).status == 200


def test_the_next_address_is_tried_when_nobody_listens_at_the_first(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def run() -> Answer:
        async with serving(answering(OK), authority.context("push.example")) as port:
            client = GuardedClient(LOOPBACK, ca_file=authority.file, resolve=_resolving("127.0.0.9", "127.0.0.1"))
            return await client.send("GET", f"https://push.example:{port}/", {})

    assert asyncio.run(run()).status == 200


@pytest.mark.parametrize("name", ["other.example", "*.example.org"])
def test_the_certificate_has_to_be_that_of_the_name(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(Unreachable, match=r"(?i)certificate"):
        asyncio.run(_secure(authority, GuardedClient(LOOPBACK, ca_file=authority.file, resolve=_local), name))


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"(?i)certificate"):
        asyncio.run(_secure(Authority(tmp_path), GuardedClient(LOOPBACK, resolve=_local), "push.example"))


_local = _resolving("127.0.0.1")


async def _secure(authority: Authority, client: GuardedClient, name: str) -> Answer:
    async with serving(answering(OK), authority.context(name)) as port:
        return await client.send("GET", f"https://push.example:{port}/", {})


def test_a_connection_is_closed_whatever_came_of_it() -> None:
    gone = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()

    async def run() -> None:
        async with serving(talk) as port, asyncio.timeout(5):
            await GuardedClient(LOOPBACK).send("GET", f"http://127.0.0.1:{port}/", {})
            await gone.wait()

    asyncio.run(run())
