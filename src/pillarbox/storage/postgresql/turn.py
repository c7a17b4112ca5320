"""Turns: those who have lost a race for an account try again one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager


class Turns:
    """A lock for each account that anybody waits for. It saves work; what is right does not depend on it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def of(self, accounts: Iterable[str]) -> Iterator[None]:
        """Be the only one of this process that has the turn of these accounts."""
        with ExitStack() as held:
            for account in sorted(accounts):  # in one order, so that no two wait for each other
                held.enter_context(self._one(account))
            yield

    @contextmanager
    def _one(self, account: str) -> Iterator[None]:
        with self._guard:
            lock, waiting = self._locks.get(account, (threading.Lock(), 0))
            self._locks[account] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, waiting = self._locks.pop(account)
                if waiting > 1:
                    self._locks[account] = lock, waiting - 1
