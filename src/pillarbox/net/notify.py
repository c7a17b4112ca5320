"""Notes to the other nodes of one PostgreSQL database, by NOTIFY, and theirs to us.

They are sent just after the commit, not in it: a NOTIFY inside makes all commits of the server wait for each other.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import msgspec

from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.storage.postgresql.notice import MAX_OCTETS, NoticeBoard
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.storage.store import Changed

_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds before another try to listen


class Note(msgspec.Struct, array_like=True):
    """What goes over the wire: who says it, and what it is."""

    sender: str
    changed: dict[str, dict[str, int]]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Note).decode


class Notifications:
    """The announcer of a process on PostgreSQL."""

    def __init__(self, bridge: Bridge, store: PostgresStore) -> None:
        self._bridge, self._store = bridge, store
        self._name = secrets.token_hex(6)
        self._waiting: Changed = {}
        self._woken = asyncio.Event()
        self._listens = asyncio.Event()

    def tell(self, changed: Changed) -> None:
        for account, types in changed.items():
            self._waiting.setdefault(account, {}).update(types)
        self._woken.set()

    async def listening(self) -> None:
        """Wait until this process hears of what others commit."""
        await self._listens.wait()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            group.create_task(self._listen())

    async def _send(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            changed, self._waiting = self._waiting, {}
            try:
                await self._bridge.run(self._store.post, list(notes(self._name, changed)))
            except Exception as error:  # noqa: BLE001 -- others will see it when they look
                observed.NOTE_LOST.log(error)

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                board = await self._bridge.run(self._store.notice_board)
                failures = 0
                await self._hear(board)
            except Exception as error:  # noqa: BLE001 -- a server that restarts, a network that is gone: it is tried again
                observed.NOT_LISTENING.log(error)
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
            failures += 1

    async def _hear(self, board: NoticeBoard) -> None:
        """Pass on what comes in until the connection breaks."""
        loop, broken = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def ready() -> None:
            try:
                for text in board.take():
                    self._pass_on(text)
            except Exception as error:  # noqa: BLE001 -- it ends the wait below
                if not broken.done():
                    broken.set_exception(error)

        descriptor = board.fileno()
        loop.add_reader(descriptor, ready)
        self._listens.set()
        try:
            ready()  # what came in before anybody watched
            await broken
        finally:
            self._listens.clear()
            loop.remove_reader(descriptor)
            board.close()

    def _pass_on(self, text: str) -> None:
        try:
            note = _decode(text)
        except msgspec.DecodeError:  # another version's
            return
        if note.sender != self._name:
            self._bridge.heard(note.changed)


def notes(sender: str, changed: Changed) -> Iterator[str]:
    """The changes in as many notes as NOTIFY needs."""
    part: Changed = {}
    size = 0
    for account, types in changed.items():
        octets = len(account) + sum(len(name) + 24 for name in types) + 8
        if part and size + octets > MAX_OCTETS - 100:
            yield _encode(Note(sender, part)).decode()
            part, size = {}, 0
        part[account] = types
        size += octets
    if part:
        yield _encode(Note(sender, part)).decode()
