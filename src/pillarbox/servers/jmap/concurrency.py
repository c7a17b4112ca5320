"""How many requests of one account may be under way: maxConcurrentRequests, maxConcurrentUpload (RFC 8620 §2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.net.count import Seat
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.jmap.problem import limit_problem


class Concurrency:
    """Counts what is under way by account, in all processes."""

    def __init__(self, name: str, most: int, counts: Seat, what: str | None = None) -> None:
        """`name` is the limit's; `what` is counted by itself where one limit holds for several things."""
        self._name, self._most, self._counts, self._what = name, most, counts, what or name

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
        if self._counts.total((self._what, account)) >= self._most:
            raise self._refusal()

    def enter(self, account: str) -> None:
        """Count one more. Raises a `limit` problem when there are too many."""
        if not self._counts.enter((self._what, account), self._most):
            raise self._refusal()

    def leave(self, account: str) -> None:
        """Count one less."""
        self._counts.leave((self._what, account))

    def _refusal(self) -> Problem:
        # 429 rather than 400: it says to every client and proxy that the same request may succeed a moment later.
        detail = f"at most {self._most} at the same time"
        return limit_problem(self._name, detail, status=429, headers=((b"retry-after", b"1"),))


class Untaken:
    """Requests of one connection that go on to count while their answers wait in memory for the client."""

    __slots__ = ("_accounts", "_concurrency")

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._accounts: list[str] = []  # one for each

    def answered(self, account: str, *, waits: bool) -> None:
        """A request is answered. It counts on if the answer `waits`."""
        self._accounts.append(account)
        if not waits:
            self.let_go()

    def let_go(self) -> None:
        """The client has taken what it asked for, or never will."""
        while self._accounts:
            self._concurrency.leave(self._accounts.pop())
