"""Sessions on one mailbox, and others that change it, at random: each knows what there is whenever it is quiet."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
import pytest

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.datatypes.view import Transaction, View
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage.store import Store
from pillarbox.wire.imap.response import flags as flags_text
from tests.servers.imap.imap_server import Running, deliver_to, message, running
from tests.servers.imap.model_client import Flags, ModelClient, Told

_FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$label1", "work")
Chosen = Sequence[tuple[int, Told]]  # messages with the numbers by which a client knows them
Act = Callable[[ModelClient, Chosen], Awaitable[None]]
_ENABLED = ("", "QRESYNC", "UIDONLY", "CONDSTORE")


def inbox_of(view: View) -> str:
    inbox = id_of_role(view, "alice", "inbox")
    assert inbox is not None
    return inbox


def stored(view: View) -> list[tuple[int, Flags]]:
    """The UIDs and flags of the inbox as the store has them."""
    rows = view.memberships("alice", inbox_of(view))
    return [(r.uid, frozenset(flags_text(r.words, is_deleted=bool(r.is_deleted))[1:-1].split())) for r in rows]


class Play:
    """What clients and others do, at random."""

    def __init__(self, server: Running, seed: int) -> None:
        self._server, self._random = server, random.Random(seed)
        self.clients = [ModelClient(server, self._random.choice(_ENABLED)) for _ in range(3)]

    def _some(self, client: ModelClient) -> list[tuple[int, Told]]:
        """Some messages that a client knows, with the numbers by which it does."""
        known = [(number, told) for number, told in enumerate(client.messages, 1) if told.uid is not None]
        return sorted(self._random.sample(known, min(len(known), self._random.randint(1, 4))), key=lambda pair: pair[0])

    def _address(self, client: ModelClient, chosen: Chosen) -> tuple[str, str]:
        """The prefix of a command, and its set."""
        if client.has_numbers and self._random.random() < 0.5:
            return "", ",".join(str(number) for number, _ in chosen)
        return "UID ", ",".join(str(told.uid) for _, told in chosen)

    async def act(self, client: ModelClient) -> None:
        """A client does something."""
        chosen = self._some(client)
        acts: list[Act] = [self._noop, self._append, self._reconnect, self._idle]
        if chosen:
            acts += [self._store] * 5 + [self._fetch, self._search, self._expunge, self._move, self._copy] * 2
        await self._random.choice(acts)(client, chosen)

    async def _noop(self, client: ModelClient, _: Chosen) -> None:
        await client.ok("NOOP")
        await client.learn()

    async def _append(self, client: ModelClient, _: Chosen) -> None:
        octets = message(self._random.randint(1, 59))
        said = f"APPEND INBOX ({self._random.choice(_FLAGS)}) {{{len(octets)}+}}\r\n{octets.decode()}"
        await client.ok(said)
        await client.learn()

    async def _reconnect(self, client: ModelClient, _: Chosen) -> None:
        if self._random.random() < 0.5:
            await client.learn()
            await client.client.say("LOGOUT")
        else:
            client.client.writer.transport.abort()
        if all(None not in (told.uid, told.flags) for told in client.messages):
            await client.connect()
        else:
            client.forget()
            await client.connect()

    async def _idle(self, client: ModelClient, _: Chosen) -> None:
        client.client.send(b"i IDLE\r\n")
        while not (heard := await client.client.hear()).startswith("+"):
            client.take(heard, is_counting=False)
        await asyncio.sleep(0)
        client.client.send(b"DONE\r\n")
        while not (heard := await client.client.hear()).startswith("i "):
            client.take(heard, is_counting=False)
        await client.learn()

    async def _store(self, client: ModelClient, chosen: Chosen) -> None:
        uid, numbers = self._address(client, chosen)
        operation, silent = self._random.choice(("+", "-", "")), self._random.choice(("", ".SILENT"))
        flags = self._random.sample(_FLAGS, self._random.randint(1, 2))
        if silent:
            client.expect([told for _, told in chosen], operation, frozenset(flags))
        await client.ok(f"{uid}STORE {numbers} {operation}FLAGS{silent} ({' '.join(flags)})")

    async def _fetch(self, client: ModelClient, chosen: Chosen) -> None:
        uid, numbers = self._address(client, chosen)
        items = self._random.choice(("FLAGS", "UID FLAGS MODSEQ", "BODY[HEADER.FIELDS (SUBJECT)]"))
        await client.ok(f"{uid}FETCH {numbers} ({items})")

    async def _search(self, client: ModelClient, _: Chosen) -> None:
        said = "SEARCH SEEN" if client.has_numbers else "UID SEARCH SEEN"
        await client.ok(said)

    async def _expunge(self, client: ModelClient, chosen: Chosen) -> None:
        said = f"UID EXPUNGE {','.join(str(told.uid) for _, told in chosen)}"
        await client.ok(self._random.choice(("EXPUNGE", said)))

    async def _move(self, client: ModelClient, chosen: Chosen) -> None:
        uid, numbers = self._address(client, chosen)
        await client.ok(f"{uid}MOVE {numbers} Archive")

    async def _copy(self, client: ModelClient, chosen: Chosen) -> None:
        uid, numbers = self._address(client, chosen)
        target = self._random.choice(("INBOX", "Archive"))
        await client.ok(f"{uid}COPY {numbers} {target}")
        await client.learn()

    async def meddle(self) -> None:
        """Somebody who speaks no IMAP delivers, moves, marks or destroys."""
        number = self._random.randint(1, 59)
        bodies: list[Callable[[Transaction], object]] = [
            partial(deliver, account="alice", data=message(number)),
            self._mark,
        ]
        bodies += [self._take_out, self._destroy]
        await self._server.bridge.write(self._random.choice(bodies))

    async def compare(self) -> None:
        """Nobody does anything: all are told the rest, and then know what there is."""
        for client in self.clients:
            await client.ok("NOOP")
            await client.learn()
            assert [(told.uid, told.flags) for told in client.messages] == self._server.store.read(stored)

    def _mark(self, tx: Transaction) -> None:
        for id in self._random.sample(ids := tx.member_ids(EMAIL, "alice", inbox_of(tx)), min(len(ids), 3)):
            email = tx.get(EMAIL, "alice", id)
            assert email is not None
            keywords = {**email.keywords, self._random.choice(("$seen", "$flagged", "$forwarded")): True}
            tx.write(EMAIL, "alice", email, msgspec.structs.replace(email, keywords=keywords))

    def _take_out(self, tx: Transaction) -> None:
        archive = id_of_role(tx, "alice", "archive")
        assert archive is not None
        for id in self._random.sample(ids := tx.member_ids(EMAIL, "alice", inbox_of(tx)), min(len(ids), 2)):
            email = tx.get(EMAIL, "alice", id)
            assert email is not None
            tx.write(EMAIL, "alice", email, msgspec.structs.replace(email, mailbox_ids={archive: True}))

    def _destroy(self, tx: Transaction) -> None:
        for id in self._random.sample(ids := tx.member_ids(EMAIL, "alice", inbox_of(tx)), min(len(ids), 1)):
            email = tx.get(EMAIL, "alice", id)
            assert email is not None
            tx.write(EMAIL, "alice", email, None)


@pytest.mark.parametrize("seed", range(20))
def test_each_client_knows_what_the_store_holds_whenever_it_is_quiet(store: Store, seed: int) -> None:
    deliver_to(store, "alice", *(message(n) for n in range(1, 13)))

    async def main() -> None:
        async with running(store) as server:
            play = Play(server, seed)
            for client in play.clients:
                await client.connect()
            for _ in range(20):
                for _ in range(3):
                    await asyncio.gather(*map(play.act, play.clients), play.meddle())
                await play.compare()

    asyncio.run(main())
