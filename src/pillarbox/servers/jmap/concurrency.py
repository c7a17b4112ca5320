"""How many requests of one account may be under way: maxConcurrentRequests, maxConcurrentUpload (RFC 8620 §2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.servers.http.problem import Problem
from pillarbox.servers.jmap.problem import limit_problem


class Concurrency:
    """Counts what is under way by account."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._busy: dict[str, int] = {}

    @contextmanager
    def one(self, account: str) -> Iterator[None]:
        """Count one more while it lasts. Raises a `limit` problem when there are too many."""
        self.enter(account)
        try:
            yield
        finally:
            self.leave(account)

    def check(self, account: str) -> None:
        """Raise a `limit` problem when there may not be one more."""
        if self._busy.get(account, 0) >= self._most:
            raise self._refusal()

    def enter(self, account: str) -> None:
        """Count one more. Raises a `limit` problem when there are too many."""
        self.check(account)
        self._busy[account] = self._busy.get(account, 0) + 1

    def leave(self, account: str) -> None:
        """Count one less."""
        count = self._busy[account] - 1
        if count:
            self._busy[account] = count
        else:
            del self._busy[account]

    def _refusal(self) -> Problem:
        # 429 rather than 400: it says to every client and proxy that the same request may succeed a moment later.
        detail = f"at most {self._most} at the same time"
        return limit_problem(self._name, detail, status=429, headers=((b"retry-after", b"1"),))
