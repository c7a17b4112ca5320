"""Large blobs go up and down in pieces: what is in memory, what is read, and what is left when somebody goes away."""

import asyncio
import base64
import gc
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.servers.http.connection import abort_late
from pillarbox.storage.blob import blob_id
from pillarbox.storage.blob_file import FileBlobs
from tests.servers.http.test_listener import Client, connections
from tests.servers.web_fixture import Web, WebMaker, basic

DATA = os.urandom(3_000_000)


class Counted(FileBlobs):
    """Notes which ranges are read, and fails from some octet on."""

    fails_at = 1 << 40

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ranges: list[tuple[int, int]] = []

    def read(self, blob: str) -> bytes | None:
        raise AssertionError("a large blob is never read as a whole")

    def read_range(self, blob: str, start: int, end: int) -> bytes | None:
        self.ranges.append((start, end))
        if end > self.fails_at:
            raise Fault(Kind.UNAVAILABLE, "the blob store cannot be used now")
        return super().read_range(blob, start, end)


@pytest.fixture
def blobs(web: Web) -> Counted:
    counted = Counted(web.office.store.folder / "blobs")
    web.office.store.blobs = counted
    return counted


def path_of(web: Web, data: bytes = DATA) -> str:
    reply = web.upload(data)
    assert reply.json()["blobId"] == blob_id(data)
    return f"/jmap/download/{web.ids['alice']}/{blob_id(data)}"


def test_a_large_blob_comes_as_it_went_and_in_pieces(web: Web, blobs: Counted) -> None:
    path = path_of(web)
    reply = web.ask("GET", path + "/x")
    assert (reply.status, reply.header("content-length")) == (200, str(len(DATA)))
    assert reply.body == DATA
    assert max(end - start for start, end in blobs.ranges) == blobs.piece_octets


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("0-0", 0, 1),
        ("1000000-1999999", 1_000_000, 2_000_000),
        ("-5", 2_999_995, 3_000_000),
        ("2999000-", 2_999_000, 3_000_000),
    ],
)
def test_of_a_range_only_the_range_is_read(web: Web, blobs: Counted, wanted: str, start: int, end: int) -> None:
    reply = web.ask("GET", path_of(web) + "/x", {"range": f"bytes={wanted}"})
    assert (reply.status, reply.header("content-range")) == (206, f"bytes {start}-{end - 1}/3000000")
    assert reply.body == DATA[start:end]
    assert (blobs.ranges[0][0], blobs.ranges[-1][1]) == (start, end)


def test_nothing_is_read_for_head_or_for_what_the_client_has(web: Web, blobs: Counted) -> None:
    path = path_of(web)
    assert web.ask("HEAD", path + "/x").header("content-length") == "3000000"
    assert web.ask("GET", path + "/x", {"if-none-match": "*"}).status == 304
    assert web.ask("GET", path + "/x", {"range": "bytes=3000000-"}).status == 416
    assert blobs.ranges == []


def test_of_a_part_only_the_part_is_read(web: Web, blobs: Counted) -> None:
    path = path_of(web)
    reply = web.ask("GET", f"{path}-1000-2000000-i/x", {"range": "bytes=10-1999999"})
    assert reply.body == DATA[1_010:2_001_000]
    assert (blobs.ranges[0][0], blobs.ranges[-1][1]) == (1_010, 2_001_000)
    assert web.ask("GET", f"{path}-2999999-2-i/x").status == 404
    assert web.ask("GET", f"{path}-3000000-0-i/x").body == b""


def test_a_part_that_is_encoded_is_decoded(web: Web, blobs: Counted) -> None:
    encoded = b"Subject: x\r\n\r\n" + base64.encodebytes(DATA[:600_000])
    path = path_of(web, encoded)
    reply = web.ask("GET", f"{path}-14-{len(encoded) - 14}-b/x", {"range": "bytes=5-599999"})
    assert reply.body == DATA[5:600_000]
    assert blobs.ranges == [(14, len(encoded))]


def test_a_blob_store_that_does_not_answer_is_unavailable(web: Web, blobs: Counted) -> None:
    path = path_of(web)
    blobs.fails_at = 0
    assert web.ask("GET", path + "/x").status == 503
    blobs.fails_at = 1 << 40
    blobs.remove(blob_id(DATA))
    assert web.ask("GET", path + "/x").status == 404


def test_a_blob_that_breaks_off_breaks_the_answer_off(web: Web, blobs: Counted) -> None:
    path = path_of(web)
    blobs.fails_at = 1_000_000

    async def talk() -> None:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            client.writer.write(f"GET {path}/x HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('alice')}\r\n\r\n".encode())
            assert (await client.head()).header("content-length") == "3000000"
            rest = await client.reader.read(-1)
            assert rest == DATA[: len(rest)]
            assert 0 < len(rest) <= 1_000_000
            await client.close()

    web.run(talk())


def test_when_the_client_goes_nothing_more_is_read(web: Web, blobs: Counted) -> None:
    path = path_of(web)

    async def leave() -> None:
        exchange = web.begin("GET", path + "/x")
        exchange.hang_up()
        await exchange.task

    web.run(leave())
    assert len(blobs.ranges) <= 2


def test_a_client_that_does_not_read_is_cut_off(web: Web, blobs: Counted) -> None:
    path = path_of(web, DATA * 10)

    async def talk() -> None:
        loop = asyncio.get_running_loop()
        async with web.listening() as (listener, port):
            client = await Client.connect(port)
            client.writer.write(f"GET {path}/x HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('alice')}\r\n\r\n".encode())
            await client.head()
            while not any(connection.full_since for connection in connections(listener)):  # noqa: ASYNC110
                await asyncio.sleep(0)
            abort_late(connections(listener), loop.time() + 80)
            assert len(connections(listener)) == 1
            abort_late(connections(listener), loop.time() + 100)
            while connections(listener):  # noqa: ASYNC110
                await asyncio.sleep(0)
            await client.close()

    web.run(talk())
    assert blobs.ranges[-1][1] < len(DATA) * 10


def chunked(web: Web, data: bytes, size: int = 65_536) -> Any:
    pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
    return web.ask("POST", f"/jmap/upload/{web.ids['alice']}/", chunks=pieces)


@pytest.mark.parametrize("size", [0, 262_144, 262_145, 1_048_576, 2_999_999])
def test_an_upload_without_a_length_is_stored_as_a_whole(web: Web, size: int) -> None:
    reply = chunked(web, DATA[:size])
    assert reply.json()["size"] == size
    assert reply.json()["blobId"] == blob_id(DATA[:size])
    read = web.office.store.read(lambda view: view.read_blob(web.ids["alice"], blob_id(DATA[:size])))
    assert read == DATA[:size]


def test_a_large_upload_that_ends_early_or_is_refused_leaves_nothing(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=2_500_000, upload_quota_octets=2_000_000)
    folder = web.office.store.folder / "blobs"
    path = f"/jmap/upload/{web.ids['alice']}/"

    async def leave() -> None:
        exchange = web.begin("POST", path, {"content-length": "2400000"}, chunks=[DATA[:2_300_000]], ends=False)
        exchange.hang_up()
        await exchange.task

    web.run(leave())
    assert chunked(web, DATA).status == 413
    assert chunked(web, DATA[:2_400_000]).status >= 400
    assert [found for found in folder.rglob("*") if found.is_file()] == []
    assert web.office.store.read(lambda view: view.pending_use(web.ids["alice"])) == (0, 0)


def test_what_is_in_memory_does_not_grow_with_the_blob(make_web: WebMaker) -> None:
    web = make_web(max_size_upload=100_000_000)
    size, piece = 40_000_000, bytes(65_536)

    async def talk() -> int:
        async with web.listening() as (_, port):
            client = await Client.connect(port)
            head = f"Host: x\r\nAuthorization: {basic('alice')}\r\n"
            target = f"/jmap/upload/{web.ids['alice']}/"
            client.writer.write(f"POST {target} HTTP/1.1\r\n{head}Content-Length: {size}\r\n\r\n".encode())
            for start in range(0, size, len(piece)):
                client.writer.write(piece[: size - start])
                await client.writer.drain()
            id = (await client.answer()).json()["blobId"]
            target = f"/jmap/download/{web.ids['alice']}/{id}/x"
            client.writer.write(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode())
            left = int((await client.head()).header("content-length"))
            while left:
                left -= len(await client.reader.read(left))
            await client.close()
            return left

    gc.collect()
    tracemalloc.start()
    try:
        assert web.run(talk()) == 0
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
