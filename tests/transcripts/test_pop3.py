"""Conversations with the whole POP3 server, as text (`player.py`): `transcripts/pop3/*.txt`.

`= mail N` delivers N messages to alice before (`tests/servers/pop3/pop3_server.py`). Each client was greeted.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.servers.pop3.pop3_server import deliver_to, message, open_store, running
from tests.transcripts.player import Player, options

FILES = sorted((Path(__file__).parent / "pop3").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_server_answers_line_by_line(path: Path, tmp_path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    store = open_store(tmp_path)
    deliver_to(store, "alice", *(message(n) for n in range(1, int(options(lines).get("mail", "0")) + 1)))

    async def play() -> None:
        async with running(store) as server:
            await Player(lambda: server.connect(None)).play(lines)

    asyncio.run(play())
    store.close()
