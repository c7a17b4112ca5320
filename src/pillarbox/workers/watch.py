"""Notices what other processes, such as the command line, wrote to the store, and tells those who listen here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.view import View
from pillarbox.net.bridge import Bridge
from pillarbox.net.feed import Changed
from pillarbox.workers import observed

_EVERY_SECONDS = 1.0
Numbers = dict[str, dict[str, int]]  # account -> type -> number


class Watch:
    """Compares the numbers of the accounts that somebody listens to with those that were told."""

    def __init__(self, bridge: Bridge, types: Iterable[DataType[Any]]) -> None:
        self._bridge, self._types = bridge, [kind for kind in types if kind.push]
        self._told: Numbers = {}
        self._seen: int | None = None
        self._watched: frozenset[str] = frozenset()
        bridge.store.listeners.append(self._note)

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 -- it is tried again in a second
                observed.FAILED.log(error, work="look for changes")

    async def look(self) -> None:
        """Tell what is new."""
        accounts = self._bridge.feed.accounts
        if not accounts:
            self._told.clear()
            self._watched = accounts
            return
        seen = self._bridge.store.data_version()  # before the look: what is committed meanwhile is looked at next time
        if seen is not None and seen == self._seen and accounts <= self._watched:
            return
        present = await self._bridge.run(self._bridge.store.read, lambda view: self._numbers(view, accounts))
        # Who began to listen before this first look knows where it began, and skips what it knows; without this, what
        # was committed elsewhere in between would count as told.
        self._bridge.feed.publish({account: present[account] for account in present.keys() - self._told.keys()})
        changed: Numbers = {}
        for account, numbers in present.items():
            told = self._told.setdefault(account, dict(numbers))
            newer = {name: number for name, number in numbers.items() if number > told.get(name, 0)}
            if newer:
                changed[account] = newer
        self._seen, self._watched = seen, accounts
        if changed:
            self._bridge.heard(changed)

    def _note(self, changed: Changed) -> None:
        for account, numbers in changed.items():
            if account in self._told:
                self._told[account].update(numbers)

    def _numbers(self, view: View, accounts: Iterable[str]) -> Numbers:
        return {
            account: {k.name: view.state(k, account) for k in self._types if k.directory == (account == DIRECTORY)}
            for account in accounts
        }
