"""Sessions on one mailbox, and others that change it, at random: each knows what there is whenever it is quiet."""

import asyncio
from collections.abc import Callable
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
from tests.servers.imap.model_client import Flags, ModelClient
from tests.servers.imap.session_acts import ENABLED, Acts


def inbox_of(view: View) -> str:
    inbox = id_of_role(view, "alice", "inbox")
    assert inbox is not None
    return inbox


def stored(view: View) -> list[tuple[int, Flags]]:
    """The UIDs and flags of the inbox as the store has them."""
    rows = view.memberships("alice", inbox_of(view))
    return [(r.uid, frozenset(flags_text(r.words, is_deleted=bool(r.is_deleted))[1:-1].split())) for r in rows]


class Play(Acts):
    """What clients and others do, at random."""

    def __init__(self, server: Running, seed: int) -> None:
        super().__init__(seed)
        self._server = server
        self.clients = [ModelClient(server, self._random.choice(ENABLED)) for _ in range(3)]

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
