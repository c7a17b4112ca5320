"""What a FETCH of much costs in memory, however slowly its answer is read; and that all of it comes."""

import asyncio
import hashlib
import socket
import tracemalloc

import pytest

from pillarbox.servers.imap import fetch_program
from pillarbox.storage.store import Store
from tests.servers.imap.imap_server import PASSWORD, Running, deliver_to, message, running

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


async def heard(server: Running, opening: str, command: str) -> tuple[list[bytes], list[str], int]:
    """What alice hears of a command that ends well, `opening` having gone before, and the most memory that it took."""
    loop = asyncio.get_running_loop()
    sock = socket.create_connection(server.address)
    sock.setblocking(False)
    reader = Reader(sock)
    await loop.sock_sendall(sock, f'a LOGIN alice@example.org "{PASSWORD}"\r\nb {opening}\r\n'.encode())
    await reader.hear(b"b OK")
    tracemalloc.start()
    try:
        await loop.sock_sendall(sock, f"c {command}\r\n".encode())
        lines, hashes = await reader.hear(b"c ")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sock.close()
    assert lines[-1].startswith(b"c OK"), lines[-1]
    return lines, hashes, peak


async def fetched(store: Store, items: str) -> tuple[list[bytes], list[str], int]:
    """The same of a FETCH of all messages."""
    async with running(store) as server:
        return await heard(server, "EXAMINE INBOX", f"FETCH 1:* ({items})")


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


def test_flags_that_are_long_are_told_in_pieces_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_program, "_MOST_PRINTED", 500_000)
    monkeypatch.setattr(fetch_program, "_IN_A_PIECE", 100)
    deliver_to(store, "alice", *[message(number) for number in range(1, 2_501)])
    words = " ".join(f"{'x' * 200}{at:03}" for at in range(20))

    async def mark() -> None:
        async with running(store) as server:
            client = await server.connect(mailbox="INBOX")
            await client.ok(f"STORE 1:* +FLAGS.SILENT ({words})")

    asyncio.run(mark())
    for _ in range(2):  # what is told the first time is not kept for the second
        lines, _, peak = asyncio.run(fetched(store, "FLAGS"))
        told = [line for line in lines if b" FETCH " in line]
        assert [int(line.split()[1]) for line in told] == list(range(1, 2_501))
        assert {line.count(b"x" * 200) for line in told} == {20}
        # What is read of a piece is there at a time, several times over; the answer has ten millions.
        assert peak < 14_000_000


def test_annotations_of_many_mailboxes_are_listed_in_pieces(store: Store) -> None:
    value, entries = "v" * 30_000, [f"/private/comment/{at}" for at in range(20)]

    async def talk() -> tuple[int, int]:
        async with running(store) as server:
            client = await server.connect()
            for box in range(20):
                await client.ok(f"CREATE box{box:02}")
                for entry in entries:
                    set_one = f"m SETMETADATA box{box:02} ({entry} {{{len(value)}+}}\r\n{value})\r\n"
                    client.send(set_one.encode())
                    await client.hear_to("m")
            command = f'LIST "" box* RETURN (METADATA ({" ".join(entries)}))'
            lines, hashes, peak = await heard(server, "NOOP", command)
            assert sum(line.startswith(b"* LIST ") for line in lines) == 20
            return len(hashes), peak

    count, peak = asyncio.run(talk())
    assert count == 400
    assert peak < 8_000_000  # of twelve
