"""Makes the keys by which domains sign, and replaces them in time."""

from __future__ import annotations

import asyncio
from functools import partial

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.net.bridge import Bridge
from pillarbox.net.dns.lazy import Resolves
from pillarbox.services.dkim_rotation import Plan, Timing, carry_out, make_secrets, plan, seen_keys
from pillarbox.workers import observed

_EVERY_SECONDS = 5
_HOUR_MS = 3_600_000


class DkimKeys:
    """Runs until it is cancelled, in one process of a server.

    Without a resolver time alone decides when a key is known to the world.
    """

    def __init__(self, bridge: Bridge, timing: Timing, resolver: Resolves | None = None) -> None:
        self._bridge, self._timing, self._resolver = bridge, timing, resolver
        self._state = -1
        self._next_ms = 0

    async def run(self) -> None:
        """Look whether domains have come, and each hour whether keys have grown old."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001 -- it is tried again
                observed.FAILED.log(error, work="dkim_keys")
                self._next_ms = self._bridge.store.clock.now_ms() + 60_000

    async def once(self) -> None:
        """Do what is due."""
        now = self._bridge.store.clock.now_ms()
        state = await self._bridge.read(lambda view: view.state(DOMAIN, DIRECTORY))
        if state == self._state and now < self._next_ms:
            return
        due = await self._bridge.read(lambda view: plan(view, self._timing), slow=True)
        if due != Plan():
            await self._carry_out(due)
        self._state, self._next_ms = state, now + _HOUR_MS

    async def _carry_out(self, due: Plan) -> None:
        secrets = await self._bridge.run(make_secrets, due.wanted)
        seen = {key.id for key in due.ripe}
        if self._resolver is not None and due.ripe:
            seen = await self._resolver.run(seen_keys(due.ripe))
        step = partial(carry_out, done=due, secrets=secrets, seen=seen, timing=self._timing)
        await self._bridge.write(step)
        for wanted in due.wanted:
            observed.DKIM_KEYS_MADE.log(domain=wanted.domain_id, keys=len(wanted.algorithms))
        for key in due.ripe:
            (observed.DKIM_KEY_SIGNS if key.id in seen else observed.DKIM_KEY_UNSEEN).log(name=key.dns_name)
