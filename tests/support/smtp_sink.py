"""An SMTP or LMTP server on loopback that takes mail, or says what a test wants it to say."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

# What to answer to a command, in place of what would be right; None: what would be right, b"": close.
Say = Callable[[str], bytes | None]


@dataclass
class Taken:
    """A message that a sink has taken, and the lines of its envelope.

    `began_at` is when the sink let its content come, in nanoseconds of the monotonic clock.
    """

    lines: list[str]
    data: bytes
    began_at: int = 0


@dataclass
class Sink:
    """A server, what it took, and how many connections it had."""

    keywords: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN")
    says: dict[str, bytes] = field(default_factory=dict)  # by the beginning of a command
    is_lmtp: bool = False
    tls: ssl.SSLContext | None = None
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    given: int = 0  # messages whose content came to the end
    port: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    before_250: Callable[[Taken], None] = lambda _taken: None

    def said(self, line: str) -> bytes | None:
        """The test's answer to a command."""
        return next((reply for begin, reply in self.says.items() if line.upper().startswith(begin.upper())), None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._talk(reader, writer)
        self.open.discard(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.says.get("greeting", b"220 sink\r\n"))
        lines, accepted, is_secure = list[str](), 0, False
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.commands.append(line)
            verb = line.split(" ")[0].upper()
            said = self.said(line)
            if said == b"":
                return
            if verb in ("EHLO", "LHLO"):
                words = [*self.keywords, *(["STARTTLS"] if self.tls is not None and not is_secure else [])]
                writer.write(said or b"".join(b"250-%b\r\n" % word.encode() for word in words) + b"250 HELP\r\n")
            elif verb == "STARTTLS" and said is None and self.tls is not None:
                writer.write(b"220 go\r\n")
                await writer.start_tls(self.tls)
                is_secure = True
            elif verb == "MAIL":
                lines, accepted = [line], 0
                writer.write(said or b"250 2.1.0 ok\r\n")
            elif verb == "RCPT":
                writer.write(said or b"250 2.1.5 ok\r\n")
                if said is None:
                    lines.append(line)
                    accepted += 1
            elif verb in ("DATA", "BDAT"):
                if verb == "DATA" and (not accepted or said is not None):
                    writer.write(said or b"554 5.5.1 nobody\r\n")
                    continue
                await self._take(line, lines, reader, writer, accepted if self.is_lmtp else 1)
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(said or b"250 2.0.0 ok\r\n")
            await writer.drain()

    async def _take(
        self, line: str, lines: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, replies: int
    ) -> None:
        began_at = time.monotonic_ns()
        if line.upper() == "DATA":
            writer.write(b"354 go\r\n")
            await writer.drain()
            data = (b"\r\n" + await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")[2:]
        else:
            data = await reader.readexactly(int(line.split(" ")[1]))
        taken = Taken(lines, data, began_at)
        self.given += 1
        reply = self.says.get("content", b"250 2.0.0 taken\r\n")
        if not reply:
            raise ConnectionAbortedError("the test wants the connection to break")
        if reply.startswith(b"2"):
            self.taken.append(taken)
            self.before_250(taken)
        reply = self.says.get("content", reply)
        writer.write(reply * replies)


@contextlib.asynccontextmanager
async def serving(sink: Sink, address: str = "127.0.0.1") -> AsyncIterator[Sink]:
    """The sink at its port, or a free one, of an address of loopback."""
    server = await asyncio.start_server(sink.serve, address, sink.port, limit=1 << 25)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for writer in list(sink.open):
            writer.close()
        while sink.open:  # noqa: ASYNC110 -- the other side has gone, and its task ends as soon as it runs
            await asyncio.sleep(0)
        await server.wait_closed()
