"""A keyword is told before the first message that has it (RFC 9051 §7.3.5)."""

import asyncio
from pathlib import Path

import pytest

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import deliver_to, fill, message, running


@pytest.mark.parametrize("command", ["FETCH 1 (FLAGS)", "FETCH 1:* (FLAGS)", "NOOP", "STORE 1 +FLAGS (\\Seen)"])
def test_a_keyword_that_another_session_brought_is_told_before_the_message(tmp_path: Path, command: str) -> None:
    store = EmbeddedStore(tmp_path)
    fill(store)
    deliver_to(store, "alice", message(1), message(2))

    async def talk() -> list[str]:
        async with running(store) as server:
            one, other = await server.connect(mailbox="INBOX"), await server.connect(mailbox="INBOX")
            await other.ok("STORE 1 +FLAGS ($fresh)")
            return await one.ok(command)

    heard = asyncio.run(talk())
    store.close()
    told = next(at for at, line in enumerate(heard) if line.startswith("* FLAGS") and "$fresh" in line)
    used = [at for at, line in enumerate(heard) if " FETCH " in line and "$fresh" in line]
    assert used
    assert told < min(used)
