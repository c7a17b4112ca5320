"""What a FETCH of much costs in memory, however slowly its answer is read; and that all of it comes."""

import asyncio
import hashlib
import socket
import tracemalloc

import pytest

from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import PASSWORD, deliver_to, message, running

_MOST = 12_000_000  # octets; what is fetched is several times as much
_PIECE = 65_536


def long_message(number: int, octets: int) -> bytes:
    line = b"%05d" % number + b"x" * 71 + b"\r\n"
    return message(number) + line * (octets // len(line))


class Reader:
    """A client that keeps nothing of what it hears but a hash of each literal."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""

    async def hear(self, tag: bytes) -> tuple[list[bytes], list[str]]:
        """The lines up to the tagged one, and the hashes of the literals in them."""
        lines: list[bytes] = []
        hashes: list[str] = []
        while True:
            line = await self._line()
            lines.append(line)
            if line.startswith(tag):
                return lines, hashes
            while line.endswith(b"}"):
                hashes.append(await self._literal(int(line[line.rfind(b"{") + 1 : -1])))
                line = await self._line()

    async def _line(self) -> bytes:
        while b"\r\n" not in self._data:
            await self._more()
        line, _, self._data = self._data.partition(b"\r\n")
        return line

    async def _literal(self, octets: int) -> str:
        digest = hashlib.sha256()
        while octets:
            if not self._data:
                await self._more()
            piece, self._data = self._data[:octets], self._data[octets:]
            digest.update(piece)
            octets -= len(piece)
        return digest.hexdigest()

    async def _more(self) -> None:
        piece = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._sock, _PIECE), 30)
        assert piece, "the server has hung up"
        self._data += piece


async def fetched(store: Store, items: str) -> tuple[list[bytes], list[str], int]:
    """What is heard of a FETCH of all messages, and the most memory that it took."""
    loop = asyncio.get_running_loop()
    async with running(store) as server:
        sock = socket.create_connection(server.address)
        sock.setblocking(False)
        reader = Reader(sock)
        await loop.sock_sendall(sock, f'a LOGIN alice@example.org "{PASSWORD}"\r\nb EXAMINE INBOX\r\n'.encode())
        await reader.hear(b"b OK")
        tracemalloc.start()
        try:
            await loop.sock_sendall(sock, f"c FETCH 1:* ({items})\r\n".encode())
            lines, hashes = await reader.hear(b"c ")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            sock.close()
    assert lines[-1].startswith(b"c OK"), lines[-1]
    return lines, hashes, peak


def test_one_large_message_is_sent_in_pieces(store: Store) -> None:
    data = long_message(1, 40_000_000)
    deliver_to(store, "alice", data)
    body = data[data.index(b"\r\n\r\n") + 4 :]
    _, hashes, peak = asyncio.run(fetched(store, "BODY[] BODY[TEXT] UID BODY[1]<5.30000000>"))
    assert hashes == [hashlib.sha256(part).hexdigest() for part in (data, body, body[5:30_000_005])]
    assert peak < _MOST


def test_many_messages_wait_in_the_store_until_the_client_takes_them(store: Store) -> None:
    messages = [long_message(number, 900_000 if number % 2 else 1_500_000) for number in range(1, 41)]
    deliver_to(store, "alice", *messages)
    _, hashes, peak = asyncio.run(fetched(store, "BODY[]"))
    assert hashes == [hashlib.sha256(data).hexdigest() for data in messages]
    assert peak < _MOST


@pytest.mark.parametrize("octets", [900_000, 1_500_000])
def test_a_message_that_is_asked_for_many_times_is_not_in_memory_as_often(store: Store, octets: int) -> None:
    data = long_message(1, octets)
    deliver_to(store, "alice", data)
    items = " ".join(f"BODY[]<{start}.250000>" for start in range(190))
    _, hashes, peak = asyncio.run(fetched(store, items))
    assert hashes == [hashlib.sha256(data[start : start + 250_000]).hexdigest() for start in range(190)]
    assert peak < _MOST


def test_nul_is_replaced_in_pieces_as_well(store: Store) -> None:
    data = long_message(1, 3_000_000) + b"\0" * 300_000
    deliver_to(store, "alice", data)
    _, (whole,), _ = asyncio.run(fetched(store, "BODY[]"))
    assert whole == hashlib.sha256(data.replace(b"\0", b"\x80")).hexdigest()
