"""A long FETCH lets other connections have their turn."""

import pytest

from pillarbox.servers.imap import fetch_program
from pillarbox.storage.store import Store
from tests.net.tls_fixture import Run
from tests.servers.imap.imap_server import deliver_to, message, running


def test_a_command_beside_a_long_fetch_is_answered_before_that_ends(
    store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_program, "_OF_PARTS", 2)
    deliver_to(store, "alice", *(message(number) for number in range(80)))

    async def body() -> None:
        async with running(store) as server:
            long, short = [await server.connect(mailbox="INBOX") for _ in range(2)]
            long.send(b"a FETCH 1:* (ENVELOPE)\r\n")
            short.send(b"b NOOP\r\n")
            assert (await short.hear_to("b"))[-1].startswith("b OK")
            early = await long.reader.read(1 << 20)  # what has come by now
            assert 0 < early.count(b" FETCH (") < 40
            assert (await long.hear_to("a"))[-1].startswith("a OK")

    run(body)
