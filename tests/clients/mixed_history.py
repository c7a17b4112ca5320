"""Clients of JMAP and of IMAP live through a random history on one account of two processes, and know the same.

Those of JMAP are those of `history.py`, which renew what they know by changes. Those of IMAP keep a mailbox open and
know what responses have told them; they enable nothing, CONDSTORE, QRESYNC or UIDONLY, idle, hang up and come again.
Now and then nobody does anything; then all of them, and clients that come afresh by either protocol, must see the same.
A seed tells the same acts again, but for those that are done at once:
`python -m tests.clients.mixed_history --seed 7 --steps 3000`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
from pathlib import Path

from tests.app.serve_process import ALICE, holder, serving
from tests.clients.client import Client as JmapClient
from tests.clients.history import History
from tests.clients.imap_view import Memory, compare, look
from tests.servers.imap.imap_server import Client as ImapClient
from tests.servers.imap.model_client import ModelClient
from tests.servers.imap.session_acts import ENABLED, Acts
from tests.support.free_port import free_port

_BOXES = ("INBOX", "INBOX", "INBOX", "Archive")
_NAMES = "ABCDEF"


class Door:
    """Where clients of IMAP come in."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.clients: list[ImapClient] = []

    async def connect(self) -> ImapClient:
        client = ImapClient(*await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 26))
        self.clients.append(client)
        assert (await client.hear()).startswith("* OK")
        await client.ok(f'LOGIN {ALICE[0]} "{ALICE[1]}"')
        return client

    def processes(self) -> set[int]:
        """Those that have the clients."""
        names = [client.writer.get_extra_info("sockname") for client in self.clients]
        return {holder(self._port, name[1]) for name in names}

    async def close(self) -> None:
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


class MixedHistory:
    """A seeded run of steps."""

    def __init__(self, door: Door, jmap: list[JmapClient], seed: int, imap_clients: int) -> None:
        self._random, self._door = random.Random(seed), door
        self._history, self._acts = History(jmap, seed), Acts(seed)
        enabled = [*ENABLED, *self._random.choices(ENABLED, k=imap_clients)][:imap_clients]
        self._imap = [ModelClient(door, enable, self._random.choice(_BOXES)) for enable in enabled]
        self._memory = Memory()
        self.log: list[str] = []

    async def run(self, steps: int, checkpoint: int = 25) -> None:
        """Take the steps. Raises AssertionError with the last of them."""
        for client in self._imap:
            await client.connect()
        self._manager = await self._door.connect()
        self._fresh = await self._door.connect()
        assert len(self._door.processes()) > 1, "all clients came to one process"
        for step in range(1, steps + 1):
            try:
                self.log.append(f"{step}:")
                await self._step()
                if step % checkpoint == 0 or step == steps:
                    await self._check()
            except Exception as error:
                last = "\n".join([*self.log[-15:], "JMAP:", *self._history.log[-8:]])
                raise AssertionError(f"step {step}: {error}; the last steps:\n{last}") from error

    async def _step(self) -> None:
        kind = self._random.random()
        if kind < 0.35:
            await self._jmap_act()
        elif kind < 0.7:
            await self._imap_act(self._random.choice(self._imap))
        elif kind < 0.78:
            await self._manage()
        else:
            self.log[-1] += " at once"
            await asyncio.gather(*map(self._imap_act, self._imap), self._jmap_act(), self._manage())

    async def _jmap_act(self) -> None:
        self.log[-1] += " JMAP"
        await asyncio.to_thread(self._history.step)

    async def _imap_act(self, client: ModelClient) -> None:
        name = await self._acts.act(client)
        self.log[-1] += f" {self._imap.index(client)}{name}"

    async def _manage(self) -> None:
        """Mailboxes come, are renamed, and go; what is refused is."""
        one, other = self._random.choices(_NAMES, k=2)
        command = self._random.choice(
            (f"CREATE {one}", f"CREATE {one}/{other}", f"RENAME {one} {other}", f"RENAME {one} {one}/{other}",
             f"DELETE {one}", f"SUBSCRIBE {one}", f"UNSUBSCRIBE {one}", f"DELETE {one}/{other}")
        )  # fmt: skip
        told = (await self._manager.say(command))[-1]
        assert told.startswith(("OK", "NO")), f"{command}: {told}"
        assert "SERVERBUG" not in told, f"{command}: {told}"
        self.log[-1] += f" {command} {told.split()[0]}"

    async def _check(self) -> None:
        """Nobody does anything: all are told the rest, and then know what there is."""
        self._history.check()
        boxes = await look(self._fresh)
        self._memory.check(boxes)
        copy = self._history.copies[0]
        compare(boxes, copy.known["Mailbox"], copy.known["Email"])
        by_name = {box.name: box for box in boxes.values()}
        for client in self._imap:
            await client.ok("NOOP")
            await client.learn()
            known = [(told.uid, told.flags) for told in client.messages]
            there = [(row.uid, row.flags) for row in by_name[client.mailbox].rows]
            assert known == there, f"{client} knows {known}, and there is {there}"


def live_together(folder: Path, steps: int, seed: int, *, jmap: int = 3, imap: int = 5) -> None:
    """So many clients of each protocol for so many steps."""
    port = free_port()
    with (
        serving(folder, f'imap.listen = ["127.0.0.1:{port}"]') as server,
        contextlib.ExitStack() as stack,
    ):
        url = f"http://127.0.0.1:{server.port}/.well-known/jmap"
        clients = [stack.enter_context(JmapClient(url, *ALICE)) for _ in range(jmap)]

        async def main() -> None:
            door = Door(port)
            try:
                await MixedHistory(door, clients, seed, imap).run(steps)
            finally:
                await door.close()

        asyncio.run(main())


def main() -> None:
    """Run a history by hand."""
    parser = argparse.ArgumentParser(description="Let clients of JMAP and IMAP live together, and compare.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        live_together(Path(folder), given.steps, given.seed)


if __name__ == "__main__":
    main()
