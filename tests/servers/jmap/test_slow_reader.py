"""A client that does not read: its answers count among its requests for as long as they are in memory."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest

from tests.servers.jmap.socket_client import by_hand
from tests.servers.web_fixture import CORE, Web, WebMaker, basic
from tests.wire.websocket.client_frame import text

BLOB = "urn:ietf:params:jmap:blob"
OCTETS, TIMES = 6_000_000, 5  # 30 MB in all: more than kernels keep for two sockets


@pytest.fixture
def web(make_web: WebMaker) -> Web:
    return make_web(max_concurrent_requests=1)


def much(web: Web) -> bytes:
    """A request whose answer is long."""
    blob = web.upload(b"x" * OCTETS).json()["blobId"]
    calls = [["Blob/get", {"accountId": web.ids["alice"], "ids": [blob]}, str(at)] for at in range(TIMES)]
    return msgspec.json.encode({"@type": "Request", "using": [CORE, BLOB], "methodCalls": calls})


def getting(port: int, path: str) -> AbstractAsyncContextManager[asyncio.StreamReader]:
    """A connection on which a download was asked for."""
    return sending(port, f"GET {path} HTTP/1.1\r\nHost: a.example\r\nAuthorization: {basic('alice')}\r\n\r\n".encode())


def asking(port: int, body: bytes) -> AbstractAsyncContextManager[asyncio.StreamReader]:
    """A connection on which a request was sent."""
    head = (
        f"POST /jmap/api HTTP/1.1\r\nHost: mail.example.org\r\nAuthorization: {basic('alice')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return sending(port, head.encode() + body)


@asynccontextmanager
async def sending(port: int, octets: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which something was said."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(octets)
        yield reader
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def status(port: int) -> int:
    """The status of a small request."""
    async with asking(port, msgspec.json.encode({"using": [CORE], "methodCalls": [["Core/echo", {}, "0"]]})) as reader:
        return int((await reader.readline()).split()[1])


async def taken(reader: asyncio.StreamReader) -> int:
    """How many octets the rest of an answer has, of which the first line is read."""
    length = 0
    while (line := await reader.readline()) != b"\r\n":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return len(await reader.readexactly(length))


def test_an_answer_that_is_not_taken_is_a_request_under_way(web: Web) -> None:
    body = much(web)

    async def talk() -> None:
        async with web.listening() as (_, port), asking(port, body) as reader:
            assert (await reader.readline()).split()[1] == b"200"
            assert await status(port) == 429
            assert await taken(reader) > OCTETS * TIMES
            assert await status(port) == 200

    web.run(talk())


def test_who_goes_away_takes_nothing_more(web: Web) -> None:
    body = much(web)

    async def talk() -> None:
        async with web.listening() as (_, port):
            async with asking(port, body) as reader:
                assert (await reader.readline()).split()[1] == b"200"
            while await status(port) == 429:  # noqa: ASYNC110 -- until the server has heard of it
                await asyncio.sleep(0)

    web.run(talk())


def test_a_part_that_was_decoded_counts_until_it_is_taken_and_one_as_it_is_stored_does_not(web: Web) -> None:
    lines = base64.encodebytes(bytes(OCTETS * TIMES // 2))
    mail = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines
    whole = web.upload(mail).json()["blobId"]
    call = ("Email/parse", {"accountId": web.ids["alice"], "blobIds": [whole], "properties": ["attachments"]})
    (part,) = web.call(call)["methodResponses"][0][1]["parsed"][whole]["attachments"]
    paths = [f"/jmap/download/{web.ids['alice']}/{blob}/it" for blob in (part["blobId"], whole)]

    async def talk() -> None:
        async with web.listening() as (_, port), getting(port, paths[0]) as reader:
            assert (await reader.readline()).split()[1] == b"200"
            async with getting(port, paths[0]) as other:
                assert (await other.readline()).split()[1] == b"429"
            async with getting(port, paths[1]) as other:
                assert (await other.readline()).split()[1] == b"200"
            assert await taken(reader) == OCTETS * TIMES // 2
            async with getting(port, paths[0]) as other:
                assert (await other.readline()).split()[1] == b"200"

    web.run(talk())


def test_a_message_over_websocket_that_is_not_taken_is_a_request_under_way(web: Web) -> None:
    request = text(much(web))

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            hand.writer.write(request)
            first = await hand.reader.readexactly(2)
            port = hand.writer.get_extra_info("peername")[1]
            assert await status(port) == 429
            assert first == bytes([0x81, 127])
            length = int.from_bytes(await hand.reader.readexactly(8), "big")
            assert len(await hand.reader.readexactly(length)) > OCTETS * TIMES
            assert await status(port) == 200

    web.run(talk())


def test_a_websocket_whose_client_goes_away_takes_nothing_more(web: Web) -> None:
    request = text(much(web))

    async def talk() -> None:
        async with by_hand(web) as (hand, _, _):
            hand.writer.write(request)
            await hand.reader.readexactly(2)
            port = hand.writer.get_extra_info("peername")[1]
            assert await status(port) == 429
            hand.writer.transport.abort()
            while await status(port) == 429:  # noqa: ASYNC110 -- until the server has heard of it
                await asyncio.sleep(0)

    web.run(talk())
