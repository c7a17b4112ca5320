"""Messages on their way: large ones in pieces, slow clients, and blobs that cannot be read."""

import asyncio
import random
from pathlib import Path

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.pop3.pop3_server import Running, deliver_to, inbox_ids, message, serve
from tests.support.blob_file import file_of

LINES = [b"", b".", b"..", b".text", b"text", b"x" * 500, b"\xff\0\r"]


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


def large(octets: int) -> bytes:
    chance, lines, size = random.Random(octets), [], 0
    while size < octets:
        lines.append(chance.choice(LINES))
        size += len(lines[-1]) + 2
    return message(1, b"\r\n".join(lines) + b"\r\nlast\r\n")


@pytest.fixture
def blobs(store: EmbeddedStore) -> Counted:
    """The store's large blobs, watched; a message of 3 MB is in alice's inbox."""
    deliver_to(store, "alice", large(3_000_000))
    store.blobs = counted = Counted(store.folder / "blobs")
    return counted


def test_a_large_message_comes_as_it_was_and_in_pieces(store: EmbeddedStore, blobs: Counted) -> None:
    data = large(3_000_000)

    async def body(server: Running) -> None:
        client = await server.connect()
        assert await client.ok("RETR 1") == f"{len(data)} octets"
        assert await client.content() == data
        await client.ok("NOOP")

    serve(store, body)
    assert blobs.ranges[-1][1] == len(data)
    assert max(end - start for start, end in blobs.ranges) == blobs.piece_octets


def test_top_reads_no_more_of_a_large_message_than_it_shows(store: EmbeddedStore, blobs: Counted) -> None:
    data = large(3_000_000)

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("TOP 1 2")
        shown = await client.content()
        assert data.startswith(shown)
        assert shown.count(b"\r\n") == 4 + 2
        await client.ok("NOOP")

    serve(store, body)
    assert blobs.ranges == [(0, blobs.piece_octets)]


def test_a_client_that_takes_nothing_stops_the_reading_too(store: EmbeddedStore, blobs: Counted) -> None:
    deliver_to(store, "bob", data := large(40_000_000))

    async def body(server: Running) -> None:
        client = await server.connect("bob", limit=65_536)
        client.send(b"RETR 1\r\nNOOP\r\n")
        [connection] = server.listener._roster
        while connection._writable.is_set():  # noqa: ASYNC110 -- turns of the loop, no time
            await asyncio.sleep(0)
        assert connection._transport.get_write_buffer_size() < 4 * blobs.piece_octets
        assert blobs.ranges[-1][1] < len(data) // 2
        client.reader._limit = 1 << 26  # type: ignore[attr-defined]
        assert await client.hear() == f"+OK {len(data)} octets"
        heard = await client.reader.readuntil(b"\r\nlast\r\n.\r\n")
        assert heard.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.") == data
        assert await client.hear() == "+OK"

    serve(store, body)


def test_a_message_that_ends_too_soon_is_not_taken_for_a_whole(store: EmbeddedStore, blobs: Counted) -> None:
    blobs.fails_at = 600_000

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.ok("RETR 1")
        heard = await client.reader.read()
        assert len(heard) > 200_000
        assert b"\r\n.\r\n" not in heard

    serve(store, body)


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_message_that_cannot_be_read_is_told_and_the_session_goes_on(
    store: EmbeddedStore, blobs: Counted, *, is_gone: bool
) -> None:
    email = store.read(lambda view: view.get(EMAIL, "alice", inbox_ids(store)[0]))
    assert email is not None
    if is_gone:
        file_of(store, email.blob_id).unlink()
    else:
        blobs.fails_at = 0

    async def body(server: Running) -> None:
        client = await server.connect()
        assert (await client.say("RETR 1")).startswith("-ERR [SYS/TEMP] ")
        await client.ok("NOOP")

    serve(store, body)


def test_an_error_of_the_server_is_told_and_the_session_goes_on(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("pillarbox.servers.pop3.maildrop.Maildrop.total", broken)

    async def body(server: Running) -> None:
        client = await server.connect(None)
        await client.ok("USER alice@example.org")
        # It meets the error with the maildrop in hand, and gives it back.
        assert await client.say("PASS a long enough secret") == "-ERR [SYS/TEMP] Something went wrong here"
        monkeypatch.undo()
        await client.log_in()

    serve(store, body)
