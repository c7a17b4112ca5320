"""The application on a real socket: what is kept open, what is cut off, and how it stops (RFC 9112)."""

import asyncio
from typing import Any

import msgspec
import pytest

from pillarbox.servers.http.connection import abort_late
from pillarbox.servers.http.listener import HttpListener
from tests.servers.web_fixture import CORE, Reply, Web, WebMaker, basic

BODY = msgspec.json.encode({"using": [CORE], "methodCalls": [["Core/echo", {"a": 1}, "c"]]})
HEAD = f"POST /jmap/api HTTP/1.1\r\nHost: localhost\r\nAuthorization: {basic('alice')}\r\n".encode()
REQUEST = HEAD + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
EVENTS = (
    f"GET /jmap/eventsource?types=*&closeafter=no&ping=0 HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('alice')}\r\n\r\n"
).encode()


class Client:
    """A connection on which octets are written and answers are read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def head(self) -> Reply:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines[1:-2])]
        return Reply(int(lines[0].split(" ")[1]), headers, b"")

    async def answer(self, *, has_body: bool = True) -> Reply:
        reply = await self.head()
        if has_body:
            reply.body = await self.reader.readexactly(int(reply.header("content-length")))
        return reply

    async def ask(self, octets: bytes) -> Reply:
        self.writer.write(octets)
        return await self.answer()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def connections(listener: HttpListener) -> set[Any]:
    return listener._server.server_state.connections


def test_requests_follow_each_other_on_one_connection(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            for _ in range(3):
                reply = await client.ask(REQUEST)
                assert reply.status == 200
                assert reply.json()["methodResponses"] == [["Core/echo", {"a": 1}, "c"]]
                assert reply.header("server") == ""
            await client.close()

    web.run(talk())


def test_pipelined_requests_are_answered_in_order(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            client.writer.write(REQUEST.replace(b'"a":1', b'"a":2') + REQUEST.replace(b'"a":1', b'"a":3'))
            answers = [(await client.answer()).json()["methodResponses"][0][1]["a"] for _ in range(2)]
            assert answers == [2, 3]
            await client.close()

    web.run(talk())


def test_a_body_in_chunks_is_put_together(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:])) + b"0\r\n\r\n"
            head = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            assert (await client.ask(head + chunks)).status == 200
            await client.close()

    web.run(talk())


def test_a_large_upload_comes_back_as_it_was_sent(web: Web) -> None:
    data = bytes(range(256)) * 8_000
    alice = web.ids["alice"]
    auth = f"Host: localhost\r\nAuthorization: {basic('alice')}\r\n"

    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            head = f"POST /jmap/upload/{alice}/ HTTP/1.1\r\n{auth}Content-Length: {len(data)}\r\n\r\n".encode()
            blob = (await client.ask(head + data)).json()["blobId"]
            reply = await client.ask(f"GET /jmap/download/{alice}/{blob}/n HTTP/1.1\r\n{auth}\r\n".encode())
            assert reply.body == data
            client.writer.write(f"HEAD /jmap/download/{alice}/{blob}/n HTTP/1.1\r\n{auth}\r\n".encode())
            assert (await client.answer(has_body=False)).header("content-length") == str(len(data))
            assert (await client.ask(REQUEST)).status == 200
            await client.close()

    web.run(talk())


def test_an_event_stream_is_live_over_the_socket(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            client.writer.write(EVENTS)
            head = await client.head()
            assert (head.status, head.header("transfer-encoding")) == (200, "chunked")
            await client.reader.readuntil(b"\n\n")
            web.bridge.feed.publish({web.ids["alice"]: {"Email": 7}})
            assert b'"Email":"7"' in await client.reader.readuntil(b"\n\n")
            await client.close()

    web.run(talk())


def test_the_server_stops_while_streams_and_idle_connections_are_open(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (listener, port):
            streaming, idle = await Client.connect(port), await Client.connect(port)
            streaming.writer.write(EVENTS)
            await streaming.head()
            await streaming.reader.readuntil(b"\n\n")
            assert (await idle.ask(REQUEST)).status == 200
            await listener.stop()
            # The stream has a proper end, and then the connection is closed.
            assert (await streaming.reader.read()).endswith(b"0\r\n\r\n")
            assert await idle.reader.read() == b""
            with pytest.raises(OSError, match=r".*"):
                await Client.connect(port)
            await asyncio.gather(streaming.close(), idle.close())

    web.run(asyncio.wait_for(talk(), 10))


@pytest.mark.parametrize(
    "octets",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        b"GET /jmap/session HTTP/1.1\r\nHost : x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_with_a_problem_document_and_closed(web: Web, octets: bytes) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            reply = await client.ask(octets)
            assert reply.problem()[0] == 400
            assert await client.reader.read() == b""
            await client.close()

    web.run(talk())


@pytest.mark.parametrize(
    "line", [b"X-Long: " + b"x" * 70_000, b"\r\n".join(b"X-%d: %b" % (n, b"x" * 1000) for n in range(70))]
)
def test_a_head_without_end_is_cut_off(web: Web, line: bytes) -> None:
    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            reply = await client.ask(b"GET /jmap/session HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n")
            assert reply.problem()[0] == 431
            await client.close()

    web.run(talk())


def test_a_client_that_owes_the_rest_of_its_request_is_cut_off_and_others_are_not(web: Web) -> None:
    async def talk() -> None:
        loop = asyncio.get_running_loop()
        async with web.listening() as (listener, port):
            silent, slow, idle, streaming = [await Client.connect(port) for _ in range(4)]
            assert (await idle.ask(REQUEST)).status == 200
            slow.writer.write(REQUEST[:-5])
            streaming.writer.write(EVENTS)
            await streaming.head()
            abort_late(connections(listener), loop.time() + 20)
            assert len(connections(listener)) == 4
            abort_late(connections(listener), loop.time() + 31)
            assert await silent.reader.read() == b""
            assert await slow.reader.read() == b""
            assert (await idle.ask(REQUEST)).status == 200
            web.bridge.feed.publish({web.ids["alice"]: {"Email": 7}})
            assert b'"Email":"7"' in await streaming.reader.readuntil(b'"7"}}}\n\n')
            for client in (silent, slow, idle, streaming):
                await client.close()

    web.run(talk())


def test_an_upload_that_keeps_coming_has_more_time(web: Web) -> None:
    async def talk() -> None:
        async with web.listening() as (listener, port):
            client = await Client.connect(port)
            client.writer.write(
                HEAD.replace(b"/api", f"/upload/{web.ids['alice']}/".encode())
                + b"Content-Length: 9000000\r\n\r\n"
                + b"x" * 50_000
            )
            # The octets are on their way, and nobody tells when they are there.
            while not any(connection.received > 40_000 for connection in connections(listener)):  # noqa: ASYNC110
                await asyncio.sleep(0)
            (connection,) = connections(listener)
            now = asyncio.get_running_loop().time()
            assert not connection.is_late(now + 35)
            assert connection.is_late(now + 60)
            await client.close()

    web.run(talk())


def test_a_refused_upload_is_answered_before_its_octets_are_sent(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=1_000)
    head = HEAD.replace(b"/api", f"/upload/{web.ids['alice']}/".encode()) + b"Content-Length: 5000\r\n"

    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            reply = await client.ask(head + b"Expect: 100-continue\r\n\r\n")
            assert (reply.status, reply.header("connection")) == (413, "close")
            await client.close()

    web.run(talk())
