"""Another server, which takes all mail and never crashes: each message is in its book, on the disk, before its 250."""

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.smtp_sink import Sink, Taken, serving

_NAME = re.compile(rb"^Message-ID: <([\w.-]+)@load>", re.MULTILINE | re.IGNORECASE)
_TO = re.compile(r"<(.*?)>")
_END = b"the end\r\n"  # of every message, so that half of one is told from a whole one


class Time(NamedTuple):
    """From when to when something took, in nanoseconds of the monotonic clock."""

    begin: int
    end: int


class Book:
    """Where a sink writes what it took: a line with two times, the name and one recipient."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.sink", str(path)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def read(self) -> dict[tuple[str, str], list[Time]]:
        """When each message was taken for each recipient."""
        taken: dict[tuple[str, str], list[Time]] = {}
        for line in self._path.read_text().splitlines():
            began, ended, name, to = line.split(" ")
            taken.setdefault((name, to), []).append(Time(int(began), int(ended)))
        return taken

    def close(self) -> None:
        """End the sink."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def message(name: str, size: int = 1_000) -> bytes:
    """A message with a name, which a book knows it by."""
    head = f"From: alice@example.org\r\nMessage-ID: <{name}@load>\r\nSubject: {name}\r\n\r\n"
    return head.encode() + (b"x" * 70 + b"\r\n") * (size // 72) + _END


def _note(sink: Sink, file: int, taken: Taken) -> None:
    found = _NAME.search(taken.data)
    name = found[1].decode() if found and taken.data.endswith(_END) else "half"
    times = f"{taken.began_at} {time.monotonic_ns()}"
    lines = [f"{times} {name} {to[1]}\n" for line in taken.lines[1:] if (to := _TO.search(line))]
    os.write(file, "".join(lines).encode())
    os.fsync(file)
    sink.says["content"] = f"250 2.0.0 taken <{name}>\r\n".encode()
    sink.taken.clear()
    sink.commands.clear()


async def _serve(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sink = Sink()
    sink.before_250 = lambda taken: _note(sink, file, taken)
    async with serving(sink):
        print(sink.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
