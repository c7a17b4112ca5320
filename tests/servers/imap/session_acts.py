"""What clients of IMAP do at random, as a person and their programs might: one act at a time, each ends well."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from typing import Protocol

from tests.servers.imap.imap_server import message
from tests.servers.imap.model_client import ModelClient, Told

FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$label1", "work")
ENABLED = ("", "QRESYNC", "UIDONLY", "CONDSTORE")
Chosen = Sequence[tuple[int, Told]]  # messages with the numbers by which a client knows them


class Act(Protocol):
    """Something that a client does."""

    __name__: str

    def __call__(self, client: ModelClient, chosen: Chosen, /) -> Awaitable[None]: ...


class Acts:
    """The same seed, the same acts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def _some(self, client: ModelClient) -> list[tuple[int, Told]]:
        """Some messages that a client knows, with the numbers by which it does."""
        known = [(number, told) for number, told in enumerate(client.messages, 1) if told.uid is not None]
        return sorted(self._random.sample(known, min(len(known), self._random.randint(1, 4))), key=lambda pair: pair[0])

    def _address(self, client: ModelClient, chosen: Chosen) -> tuple[str, str]:
        """The prefix of a command, and its set."""
        if client.has_numbers and self._random.random() < 0.5:
            return "", ",".join(str(number) for number, _ in chosen)
        return "UID ", ",".join(str(told.uid) for _, told in chosen)

    async def act(self, client: ModelClient) -> str:
        """A client does something; the name of that."""
        chosen = self._some(client)
        acts: list[Act] = [self._noop, self._append, self._reconnect, self._idle]
        if chosen:
            acts += [self._store] * 5 + [self._fetch, self._search, self._expunge, self._move, self._copy] * 2
        act = self._random.choice(acts)
        await act(client, chosen)
        return act.__name__

    async def _noop(self, client: ModelClient, _: Chosen) -> None:
        await client.ok("NOOP")
        await client.learn()

    async def _append(self, client: ModelClient, _: Chosen) -> None:
        octets = message(self._random.randint(1, 59))
        said = f"APPEND {client.mailbox} ({self._random.choice(FLAGS)}) {{{len(octets)}+}}\r\n{octets.decode()}"
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
        flags = self._random.sample(FLAGS, self._random.randint(1, 2))
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
