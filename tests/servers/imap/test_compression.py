"""COMPRESS=DEFLATE on the real listener (RFC 4978)."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.servers.imap.compression import Compression, NotDeflate
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import Client, Running, deliver_to, message, running


class Squeezed:
    """A client that has begun to compress, and expands each piece as it comes."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self._expander = zlib.decompressobj(-15)
        self._data = b""

    def squeeze(self, data: bytes) -> bytes:
        return self._squeezer.compress(data) + self._squeezer.flush(zlib.Z_SYNC_FLUSH)

    async def hear_to(self, tag: bytes) -> list[bytes]:
        """The lines up to the tagged one."""
        lines: list[bytes] = []
        while not lines or not lines[-1].startswith(tag):
            while b"\r\n" not in self._data:
                piece = await asyncio.wait_for(self.client.reader.read(65_536), 10)
                assert piece, "the server has hung up"
                self._data += self._expander.decompress(piece)
            line, _, self._data = self._data.partition(b"\r\n")
            lines.append(line)
        return lines

    async def say(self, command: str) -> list[bytes]:
        tag, _, _ = command.partition(" ")
        self.client.send(self.squeeze(command.encode() + b"\r\n"))
        return await self.hear_to(tag.encode())


def talk(store: Store, body: Callable[[Running, Squeezed], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            assert (await client.say("COMPRESS DEFLATE"))[-1].startswith("OK")
            await body(server, Squeezed(client))

    asyncio.run(main())


def test_each_response_can_be_read_when_it_is_said(store: Store) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 200)))

    async def body(_: Running, client: Squeezed) -> None:
        assert await client.say("a NOOP") == [b"a OK Nothing was done"]
        assert len(await client.say("b FETCH 1:* (ENVELOPE)")) == 200
        (capabilities, done) = await client.say("c CAPABILITY")
        assert b"COMPRESS=DEFLATE" not in capabilities
        assert done.startswith(b"c OK")
        assert (await client.say("d COMPRESS DEFLATE"))[-1].startswith(b"d NO [COMPRESSIONACTIVE]")

    talk(store, body)


def test_what_comes_unasked_in_idle_is_flushed_too(store: Store) -> None:
    async def body(server: Running, client: Squeezed) -> None:
        client.client.send(client.squeeze(b"a IDLE\r\n"))
        assert (await client.hear_to(b"+"))[-1].startswith(b"+")
        other = await server.connect()
        assert (await other.append("INBOX", message(1))).startswith("OK")
        assert await client.hear_to(b"* 1 EXISTS") == [b"* 1 EXISTS"]
        client.client.send(client.squeeze(b"DONE\r\n"))
        assert (await client.hear_to(b"a "))[-1].startswith(b"a OK")

    talk(store, body)


def test_commands_in_one_piece_and_octet_by_octet_are_all_carried_out(store: Store) -> None:
    async def body(_: Running, client: Squeezed) -> None:
        data = client.squeeze(b"".join(b"%d NOOP\r\n" % n for n in range(5_000)) + b"z NOOP\r\n")
        client.client.send(data)
        assert len(await client.hear_to(b"z ")) == 5_001
        for octet in client.squeeze(b"a NOOP\r\n"):
            client.client.send(bytes([octet]))
            await client.client.writer.drain()
        assert await client.hear_to(b"a ") == [b"a OK Nothing was done"]

    talk(store, body)


def test_a_message_of_which_little_is_sent_comes_in_whole(store: Store) -> None:
    async def body(_: Running, client: Squeezed) -> None:
        octets = message(1) + b"x" * 60 + b"\r\n" * 10_000_000
        client.client.send(client.squeeze(b"a APPEND INBOX {%d+}\r\n" % len(octets) + octets + b"\r\nb NOOP\r\n"))
        heard = await client.hear_to(b"b ")
        assert [line[:4] for line in heard] == [b"* 1 ", b"* 1 ", b"a OK", b"b OK"]
        assert await client.say("c FETCH 1 (RFC822.SIZE)") == [
            b"* 1 FETCH (RFC822.SIZE %d)" % len(octets),
            b"c OK Fetched",
        ]

    talk(store, body)


def test_octets_that_are_no_deflate_end_the_connection(store: Store) -> None:
    async def body(server: Running, client: Squeezed) -> None:
        client.client.send(b"\xff\xff\xff\xffa NOOP\r\n")
        assert b"* BYE" in zlib.decompressobj(-15).decompress(await client.client.rest())
        assert await (await server.connect()).ok("NOOP") == []

    talk(store, body)


@given(st.lists(st.binary(max_size=2_000), max_size=20), st.data())
def test_what_is_squeezed_expands_to_the_same_in_bounded_pieces(parts: list[bytes], data: st.DataObject) -> None:
    one, other = Compression(), Compression()
    wire = b"".join(map(one.squeeze, parts))
    out = b""
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        other.receive(wire[:cut])
        wire = wire[cut:]
        while piece := other.expand():
            assert len(piece) <= 65_536
            out += piece
    assert out == b"".join(parts)


@given(st.binary(min_size=1, max_size=300))
def test_noise_is_refused_or_means_something(noise: bytes) -> None:
    compression = Compression()
    compression.receive(noise)
    try:
        while compression.expand():
            pass
    except NotDeflate:
        return
