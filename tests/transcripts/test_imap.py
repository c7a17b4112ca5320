"""Conversations with the whole IMAP server, as text: `transcripts/imap/*.txt`.

`= mail N` delivers N messages to alice before (`tests/servers/imap/imap_server.py`), `C: ` is what a client says, `S: `
a response that it must hear, in this order; `C2: ` and `S2: ` are of a second client, and so on. Each client begins
with its greeting, which is heard by itself, and with a login as alice unless `= login no` stands before. `{name}` in a
response is whatever stands there, without spaces, brackets and parentheses, and is known from then on; `...` is
anything. `C* ` are octets as a Python literal. `# ` is a remark.
"""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Client, Running, deliver_to, fill, message, running

FILES = sorted((Path(__file__).parent / "imap").glob("*.txt"))
_LINE = re.compile(r"([CS])(\d*)([:*]) ?(.*)")
_NAME = re.compile(r"\{([a-z]\w*)\}")


def _pattern(text: str, known: dict[str, str]) -> re.Pattern[str]:
    out, seen = "", set()
    for piece in re.split(r"(\{[a-z]\w*\}|\.\.\.)", text):
        name = _NAME.fullmatch(piece)
        if piece == "...":
            out += r"[\s\S]*"
        elif name is None:
            out += re.escape(piece)
        elif name[1] in known:
            out += re.escape(known[name[1]])
        elif name[1] in seen:
            out += f"(?P={name[1]})"
        else:
            seen.add(name[1])
            out += rf"(?P<{name[1]}>[^ ()\[\]]+)"
    return re.compile(out)


class _Player:
    def __init__(self, server: Running, login: str | None) -> None:
        self._server, self._login = server, login
        self._clients: dict[str, Client] = {}
        self._known: dict[str, str] = {}

    async def _client(self, which: str) -> Client:
        if which not in self._clients:
            self._clients[which] = await self._server.connect(self._login)
        return self._clients[which]

    async def play(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, 1):
            if (match := _LINE.match(line)) is None:
                assert not line.strip() or line.startswith(("#", "=")), f"line {number} is none of a transcript: {line}"
                continue
            who, which, kind, text = match.groups()
            client = await self._client(which)
            if who == "C":
                text = _NAME.sub(lambda name: self._known.get(name[1], name[0]), text)
                client.send(ast.literal_eval(text) if kind == "*" else text.encode() + b"\r\n")
                continue
            heard = await client.hear()
            found = _pattern(text, self._known).fullmatch(heard)
            assert found is not None, f"line {number}\nwanted {text}\nheard  {heard}"
            self._known.update(found.groupdict())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_answers_line_by_line(path: Path, tmp_path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    options = dict(line[2:].split(maxsplit=1) for line in lines if line.startswith("= "))
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", *(message(n) for n in range(1, int(options.get("mail", "0")) + 1)))

    async def play() -> None:
        async with running(store) as server:
            await _Player(server, None if options.get("login") == "no" else "alice").play(lines)

    asyncio.run(play())
    store.close()
