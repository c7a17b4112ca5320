"""Whatever room there is for what a process remembers, clients are answered the same."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pillarbox.core.shelf import DEFAULT_OCTETS
from pillarbox.net.observed import CACHE_OCTETS
from pillarbox.servers.imap import concordances
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Running, deliver_to, fill, message, running

_OWN = re.compile(r"(?<=MAILBOXID )\(\w+\)|(?<=UIDVALIDITY )\d+|(?<=COPYUID )\d+")  # what each store makes up
_ASKED = (
    "UID FETCH 1:* (FLAGS)",
    "UID FETCH 1:* (FLAGS UID)",
    "FETCH 1:* (FLAGS ENVELOPE RFC822.SIZE)",
    "UID SEARCH TEXT message",
    "UID SEARCH BODY number SUBJECT message",
    "UID SEARCH FROM dave",
    "UID SEARCH SINCE 1-Jan-2020 UNSEEN",
    "UID SEARCH KEYWORD blue NOT SEEN",
    "UID SORT (REVERSE SUBJECT) UTF-8 ALL",
    "UID THREAD REFERENCES UTF-8 ALL",
    "STATUS INBOX (MESSAGES UNSEEN SIZE DELETED)",
    "STATUS other (MESSAGES UIDNEXT)",
    'LIST "" "*" RETURN (STATUS (MESSAGES))',
    "NOOP",
)


def acts(seed: int) -> Sequence[str]:
    """What a client does and asks, each question often enough to be answered from memory."""
    chance, out = random.Random(seed), ["CREATE other"]
    for _ in range(12):
        out += chance.choices(_ASKED, k=8)
        uid = chance.randrange(1, 12)
        out.append(
            chance.choice(
                (
                    f"UID STORE {uid} +FLAGS.SILENT (blue)",
                    f"UID STORE {uid} -FLAGS.SILENT (blue \\Seen)",
                    f"UID STORE {uid}:* +FLAGS.SILENT (\\Seen)",
                    f"UID COPY {uid} other",
                    f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)",
                    "UNSELECT",
                    "EXPUNGE",
                )
            )
        )
        if out[-1] == "UNSELECT":
            out.append("SELECT INBOX")
    return out


def answers(folder: Path, room: int, seed: int) -> list[list[str]]:
    """What the server says with so much room, and that it keeps to it."""
    store = EmbeddedStore(folder)
    fill(store)
    deliver_to(store, "alice", *(message(n) for n in range(1, 9)))
    store.shelves.resize(room)
    out: list[list[str]] = []

    async def body(server: Running) -> None:
        client = await server.connect(mailbox="INBOX")
        for at, command in enumerate(acts(seed)):
            if at % 30 == 20:
                deliver_to(store, "alice", message(100 + at))
            out.append([_OWN.sub("", line) for line in await client.say(command)])
            assert store.shelves.held == sum(shelf.held for shelf in store.shelves.every) <= room

    async def run() -> None:
        async with running(store) as server:
            await body(server)

    asyncio.run(run())
    if room == DEFAULT_OCTETS:  # or else nothing was compared
        kept = {shelf.name for shelf in store.shelves.every if shelf.held}
        assert kept >= {"images", "ledgers", "sheets", "concordances", "searches", "names"}
    store.close()
    return out


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_the_same_with_much_room_with_little_and_with_none(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concordances, "_LEAST_STORED", 2)
    known = answers(tmp_path / "much", DEFAULT_OCTETS, seed)
    for room in (0, 5_000, 20_000):
        assert answers(tmp_path / str(room), room, seed) == known


def test_each_memory_is_one_that_metrics_know(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)

    async def run() -> list[str]:
        async with running(store):
            return [shelf.name for shelf in store.shelves.every]

    fill(store)
    names = asyncio.run(run())
    store.close()
    assert len(names) == len(set(names)) > 5
    assert {(name,) for name in names} <= CACHE_OCTETS.places.keys()
