"""Conversations with the whole IMAP server, as text (`player.py`): `transcripts/imap/*.txt`.

`= mail N` delivers N messages to alice before (`tests/servers/imap/imap_server.py`). Each client has heard
its greeting and has logged in as alice, unless `= login no` stands before. A response with its literals is one line.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import deliver_to, fill, message, running
from tests.transcripts.player import Player, options, read_lines

FILES = sorted((Path(__file__).parent / "imap").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_answers_line_by_line(path: Path, tmp_path: Path) -> None:
    lines = read_lines(path)
    given = options(lines)
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", *(message(n) for n in range(1, int(given.get("mail", "0")) + 1)))
    login = None if given.get("login") == "no" else "alice"

    async def play() -> None:
        async with running(store) as server:
            await Player(lambda: server.connect(login)).play(lines)

    asyncio.run(play())
    store.close()
