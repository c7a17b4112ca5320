"""Who is told when an account changes: open event streams, held back mail, whatever would have to ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from pillarbox.net import observed

Changed = Mapping[str, Mapping[str, int]]  # account -> type -> number
Add = Callable[[str, Mapping[str, int]], None]


class Subscription:
    """Changes to some accounts, gathered until they are fetched.

    A lost note costs delay, never truth: clients read the log.
    """

    def __init__(self, feed: ChangeFeed, accounts: frozenset[str]) -> None:
        self._feed = feed
        self.accounts = accounts
        self._pending: dict[str, dict[str, int]] = {}
        self._ready = asyncio.Event()

    def add(self, account: str, types: Mapping[str, int]) -> None:
        """Note a change."""
        self._pending.setdefault(account, {}).update(types)
        self._ready.set()

    async def next(self, seconds: float | None = None) -> dict[str, dict[str, int]]:
        """What has changed since the last call: account -> type -> number; empty if nothing did for so many seconds."""
        try:
            # Not wait_for: before Python 3.12, it swallows a cancellation that comes together with what it waits for.
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            return {}
        self._ready.clear()
        out, self._pending = self._pending, {}
        return out

    def close(self) -> None:
        """Hear no more."""
        self._feed.remove(self)


class Listening:
    """Changes to some accounts, each passed on as it comes: for connections that are so many that none has a task."""

    __slots__ = ("_feed", "accounts", "add")

    def __init__(self, feed: ChangeFeed, accounts: frozenset[str], add: Add) -> None:
        self._feed, self.accounts, self.add = feed, accounts, add

    def close(self) -> None:
        """Hear no more."""
        self._feed.remove(self)


class ChangeFeed:
    """All subscriptions of this process by account."""

    def __init__(self) -> None:
        self._by_account: dict[str, set[Subscription | Listening]] = {}
        self._heeded: dict[object, Collection[str]] = {}

    def subscribe(self, accounts: Iterable[str]) -> Subscription:
        """Hear of changes to these accounts from now on."""
        out = Subscription(self, frozenset(accounts))
        self._add(out)
        return out

    def listen(self, accounts: Iterable[str], add: Add) -> Listening:
        """Have a function called with (account, type -> number) at each change from now on. It must be quick."""
        out = Listening(self, frozenset(accounts), add)
        self._add(out)
        return out

    def _add(self, out: Subscription | Listening) -> None:
        for account in out.accounts:
            self._by_account.setdefault(account, set()).add(out)

    def remove(self, subscription: Subscription | Listening) -> None:
        """End a subscription."""
        for account in subscription.accounts:
            self._by_account.get(account, set()).discard(subscription)
            if not self._by_account.get(account):
                self._by_account.pop(account, None)

    def publish(self, changed: Changed) -> None:
        """Tell the subscribers."""
        for account, types in changed.items():
            if subscriptions := self._by_account.get(account):
                for subscription in tuple(subscriptions):  # who hears of it may leave
                    subscription.add(account, types)
                observed.FEED_DELIVERIES.add(len(subscriptions))

    @property
    def subscriptions(self) -> int:
        """How many listen, each account counted."""
        return sum(map(len, self._by_account.values()))

    def heed(self, who: object, accounts: Collection[str]) -> None:
        """Count these accounts as listened to, by somebody who hears of them from the store."""
        if accounts:
            self._heeded[who] = accounts
        else:
            self._heeded.pop(who, None)

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts that anybody listens to."""
        return frozenset(self._by_account).union(*self._heeded.values())
