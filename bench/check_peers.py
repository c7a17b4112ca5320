"""Who hooks ask, for `bench checks`: a web service with nothing to say, and a milter that lets all pass."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable

from pillarbox.wire.milter.packet import packet_to_bytes

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_GO_ON = packet_to_bytes(b"c")
_SILENT = b"DAQ"  # macros, abort and quit have no answer


def serve_http(said: "multiprocessing.Queue[int]") -> None:
    """Answer 204 for ever."""
    asyncio.run(_serve(_answer_http, said))


def serve_milter(said: "multiprocessing.Queue[int]") -> None:
    """Answer `continue` for ever."""
    asyncio.run(_serve(_answer_milter, said))


async def _serve(answer: Serve, said: "multiprocessing.Queue[int]") -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 22)
    said.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _answer_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
    writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def _answer_milter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            content = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            if content[:1] == b"O":  # what it wants to hear of: all that we have, and no more rights than that
                writer.write(packet_to_bytes(b"O", (6).to_bytes(4, "big") + content[5:9] + bytes(4)))
            elif content[:1] not in _SILENT:
                writer.write(_GO_ON)
    except asyncio.IncompleteReadError:
        writer.close()
