"""Logins looked at again, beside the event loop: whoever asks waits for a moment, and not for a store that hangs."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar

from pillarbox.core.faults import Fault, Kind
from pillarbox.net import observed
from pillarbox.net.bridge import Bridge
from pillarbox.storage.snapshot import Snapshot

_PATIENCE = 1.0  # seconds that a look is waited for; what it finds is noted whenever it ends
H = TypeVar("H")
H_contra = TypeVar("H_contra", contravariant=True)


class Verifier(Protocol[H_contra]):
    """Who knows what logins are good for."""

    def is_due(self, held: H_contra) -> bool:
        """Whether a login should be looked at again before it is used."""

    def look_again(self, view: Snapshot, held: H_contra) -> bool:
        """Note in the login what has become of it; whether it still holds."""


class Rechecks(Generic[H]):
    """The looks that are under way, one for each login at most, however many ask."""

    def __init__(self, bridge: Bridge, verifier: Verifier[H], patience: float = _PATIENCE) -> None:
        """`patience` is how many seconds after its beginning a look is waited for."""
        self._bridge, self._verifier, self._patience = bridge, verifier, patience
        self._looks: dict[int, tuple[asyncio.Task[bool], float]] = {}  # by the login's identity

    def is_due(self, held: H) -> bool:
        """Whether `settle` would have something to do."""
        return self._verifier.is_due(held)

    def begin(self, held: H) -> None:
        """Have a login looked at again if that is due, without waiting."""
        if self._verifier.is_due(held):
            self._look(held)

    async def settle(self, held: H) -> None:
        """Have a login looked at again if that is due; come back when it is done, or has taken too long.

        A store that is away for a moment takes nobody's login back, nor ends open streams: whatever is behind it cannot
        be read meanwhile either, and the next use asks again.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while self._verifier.is_due(held):
            look, began = self._look(held)
            # Who comes late to a look that hangs does not begin to wait anew.
            left = began + self._patience - loop.time()
            if left > 0:
                await asyncio.wait((look,), timeout=left)
            if not look.done() or look.cancelled() or look.exception() is not None:
                return
            if began >= asked:  # what came to be known meanwhile came later than the question
                return

    def _look(self, held: H) -> tuple[asyncio.Task[bool], float]:
        found = self._looks.get(id(held))
        if found is None or found[0].done():
            loop = asyncio.get_running_loop()
            task = loop.create_task(self._bridge.read(lambda view: self._verifier.look_again(view, held)))
            found = self._looks[id(held)] = task, loop.time()
            # The task holds the login, so that its identity is nobody else's meanwhile.
            task.add_done_callback(lambda done: self._ended(held, done))
        return found

    def _ended(self, held: H, look: asyncio.Task[bool]) -> None:
        if self._looks[id(held)][0] is look:
            del self._looks[id(held)]
        if look.cancelled() or (error := look.exception()) is None:
            return
        if not (isinstance(error, Fault) and error.kind is Kind.UNAVAILABLE):  # which the store has logged
            observed.RECHECK_FAILED.log(error)
