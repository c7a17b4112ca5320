"""Push over a WebSocket: what was missed, then what changes, told from the change feed (RFC 8887 §4.3.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from pillarbox.core.account import Caller
from pillarbox.net.bridge import Bridge
from pillarbox.servers.jmap.timing import Timing
from pillarbox.servers.jmap.websocket_message import PushEnable
from pillarbox.services.push_state import Numbers, Position, PushedTypes, chosen, state_change
from pillarbox.wire.websocket.frame import Opcode, frame


class Connection(Protocol):
    """What push needs of its connection."""

    @property
    def is_paused(self) -> bool:
        """Whether the client has enough to read."""

    @property
    def is_due(self) -> bool:
        """Whether the login should be looked at again before it is used."""

    def check(self) -> Caller | None:
        """Who it is as far as is known; None when it is ending."""

    async def check_again(self) -> Caller | None:
        """Who it is by now; None when it is ending."""

    def send(self, octets: bytes) -> None:
        """Send a frame."""


class House(Protocol):
    """What all connections share, and push needs."""

    bridge: Bridge
    pushed: PushedTypes
    timing: Timing

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done."""


class Push:
    """Tells a client of changes from the time when it asked for it until `close`."""

    __slots__ = (
        "_connection",
        "_house",
        "_is_checking",
        "_is_closed",
        "_listening",
        "_names",
        "_pending",
        "_position",
        "_timer",
    )

    def __init__(self, connection: Connection, house: House, caller: Caller, asked: PushEnable) -> None:
        self._connection, self._house, self._names = connection, house, asked.data_types
        self._pending: dict[str, dict[str, int]] = {}
        self._position: Position | None = None  # not known while it is read
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = self._is_checking = False
        # RFC 8887 §4.3.5.2: after a pushState the server "SHOULD immediately send all changes since". What is no
        # pushState of ours says nothing, so that all states are told.
        seen = None if asked.push_state is None else Position.parse(asked.push_state) or Position({})
        # Heard from before the states are read: what happens in between is told late rather than never.
        self._listening = house.bridge.feed.listen(caller.accounts, self._add)
        house.keep(asyncio.create_task(self._catch_up(caller, seen)))

    def close(self) -> None:
        """Tell no more."""
        self._is_closed = True
        self._listening.close()
        if self._timer is not None:
            self._timer.cancel()

    def follow(self, caller: Caller) -> bool:
        """Hear of the accounts that the caller may use by now; True when these are others than before."""
        if self._listening.accounts == caller.accounts.keys():
            return False
        self._listening.close()
        self._listening = self._house.bridge.feed.listen(caller.accounts, self._add)
        self._pending = {account: types for account, types in self._pending.items() if account in caller.accounts}
        seen, self._position = self._position, None
        self._house.keep(asyncio.create_task(self._catch_up(caller, seen)))
        return True

    def tell(self) -> None:
        """Tell what is pending, unless the client was told a moment ago or has enough to read."""
        if not self._has_news or self._is_checking:
            return
        if self._connection.is_due:
            self._is_checking = True
            self._house.keep(asyncio.create_task(self._tell_later()))
        else:
            self._tell_to(self._connection.check())

    async def _tell_later(self) -> None:
        try:
            caller = await self._connection.check_again()
        finally:
            self._is_checking = False
        if self._has_news and not self._is_closed:
            self._tell_to(caller)

    @property
    def _has_news(self) -> bool:
        """Whether there is something to tell, and now is the time for it."""
        is_ready = self._position is not None and self._timer is None and not self._connection.is_paused
        return is_ready and bool(self._pending)

    def _tell_to(self, caller: Caller | None) -> None:
        if caller is None or self.follow(caller):
            return
        assert self._position is not None
        pending, self._pending = self._pending, {}
        self._send(self._position.missed(pending), caller, self._position)

    async def _catch_up(self, caller: Caller, seen: Position | None) -> None:
        """Learn where everything stands, and tell what is later than what the client has seen."""
        present = await self._house.bridge.read(lambda view: self._house.pushed.present(view, caller))
        if self._is_closed:
            return
        self._position = Position.of(present)
        if seen is not None:
            self._send(seen.missed(present), caller, self._position)
        self.tell()

    def _send(self, numbers: Numbers, caller: Caller, position: Position) -> None:
        types = self._house.pushed.chosen(self._names, caller)
        position.advance(chosen(numbers, types, caller.accounts))
        data = state_change(numbers, types, caller.accounts, position)
        if data is None:
            return
        self._connection.send(frame(Opcode.TEXT, data))
        self._timer = asyncio.get_running_loop().call_later(self._house.timing.gather, self._gathered)

    def _gathered(self) -> None:
        self._timer = None
        self.tell()

    def _add(self, account: str, types: Mapping[str, int]) -> None:
        self._pending.setdefault(account, {}).update(types)
        self.tell()
