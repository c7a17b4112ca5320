"""Notices what other processes, such as the command line, wrote to the store, and tells those who listen here.

A look costs one key of `account` for each account that is listened to. Only of those whose number has moved since the
last look, whoever moved it, is more read: a note of the last change is no proof that the one before it was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.declare import DataType
from pillarbox.net.bridge import Bridge
from pillarbox.net.feed import Changed
from pillarbox.storage.snapshot import Snapshot
from pillarbox.workers import observed

_EVERY_SECONDS = 1.0
Numbers = dict[str, dict[str, int]]  # account -> type -> number


class Watch:
    """Compares the numbers of the accounts that somebody listens to with those that were told."""

    def __init__(self, bridge: Bridge, types: Iterable[DataType[Any]]) -> None:
        self._bridge, self._types = bridge, list(types)
        self._told: Numbers = {}
        self._modseqs: dict[str, int] = {}  # account -> its number when its types were last read
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
        self._forget(self._watched - accounts)
        self._watched &= accounts
        if not accounts:
            return
        seen = self._bridge.store.data_version()  # before the look: what is committed meanwhile is looked at next time
        if seen is not None and seen == self._seen and accounts <= self._watched:
            return
        modseqs, present = await self._bridge.run(self._bridge.store.read, lambda view: self._moved(view, accounts))
        # Who began to listen before this first look knows where it began, and skips what it knows; without this, what
        # was committed elsewhere in between would count as told.
        self._bridge.feed.publish({account: present[account] for account in present.keys() - self._told.keys()})
        changed: Numbers = {}
        for account, numbers in present.items():
            told = self._told.setdefault(account, dict(numbers))
            newer = {name: number for name, number in numbers.items() if number > told.get(name, 0)}
            if newer:
                changed[account] = newer
        self._modseqs.update((account, modseqs[account]) for account in present)
        self._seen, self._watched = seen, accounts
        if changed:
            self._bridge.heard(changed)

    def _note(self, changed: Changed) -> None:
        for account, numbers in changed.items():
            if (told := self._told.get(account)) is not None:
                # Notes may overtake each other on their way here; what was told stays told.
                told.update((name, number) for name, number in numbers.items() if number > told.get(name, 0))

    def _forget(self, accounts: Iterable[str]) -> None:
        """Nobody listens to these any more."""
        for account in accounts:
            self._told.pop(account, None)
            self._modseqs.pop(account, None)

    def _moved(self, view: Snapshot, accounts: Collection[str]) -> tuple[dict[str, int], Numbers]:
        """The accounts' own numbers, and those of the types of accounts that are not where they were last seen."""
        modseqs = view.modseqs(accounts)
        moved = [account for account, modseq in modseqs.items() if modseq != self._modseqs.get(account)]
        return modseqs, {account: self._numbers(view, account) for account in moved}

    def _numbers(self, view: Snapshot, account: str) -> dict[str, int]:
        return {k.name: view.state(k, account) for k in self._types if k.directory == (account == DIRECTORY)}
