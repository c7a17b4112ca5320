"""One push subscription under way: what it has not been told yet, and when it may be told again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pillarbox.workers.push_request import Outcome, Verdict


class PushTiming(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, all of them, and counts of what goes on at the same time."""

    gather: float = 0.1  # before the first message, so that commits that belong together are told in one
    interval: float = 2.0  # between two messages of one subscription
    most_interval: float = 600.0  # however often the push service says that this is too often
    first_retry: float = 5.0
    most_retry: float = 3_600.0
    give_up: float = 48 * 3_600.0  # of failures without a success
    greeting_pause: float = 60.0  # between two verifications of one account, once `greetings` went out in a row
    greetings: int = 10
    greeting_attempts: int = 3  # for an address that nobody answers at
    rights: float = 2.0  # until an account that was opened to somebody is heard of
    sweep: float = 600.0
    concurrency: int = 32
    concurrency_of_one: int = 2  # of one account


class Line:
    """The state of one subscription in memory. Times are those of the event loop."""

    def __init__(self, owner: str, id: str, timing: PushTiming) -> None:
        self.owner, self.id = owner, id
        self.accounts: frozenset[str] = frozenset()
        self.numbers: dict[str, dict[str, int]] = {}
        self.needs_greeting = self.was_greeted = False
        self.is_busy = False
        self.is_gone = False
        self.scheduled: float | None = None
        self.not_before = 0.0
        self._timing = timing
        self._interval = timing.interval
        self._failures = 0
        self._failing_since: float | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is something to send."""
        return bool(self.numbers) or self.needs_greeting

    def add(self, account: str, types: Mapping[str, int]) -> None:
        """Note a change; however many there are, the newest number of each type is all that is kept."""
        mine = self.numbers.setdefault(account, {})
        for name, number in types.items():
            mine[name] = max(number, mine.get(name, 0))

    def take(self) -> dict[str, dict[str, int]]:
        """What there is to tell; it is given back by `add` when it could not be told."""
        out, self.numbers = self.numbers, {}
        return out

    def follow(self, outcome: Outcome, now: float) -> bool:
        """Set when the next message may go out; False when it is time to give up."""
        if outcome.verdict is Verdict.TAKEN:
            self._failures, self._failing_since = 0, None
            self._interval = max(self._timing.interval, self._interval * 0.8)
            self.not_before = now + self._interval
            return True
        if outcome.verdict is Verdict.SLOWER:
            self._interval = min(max(self._interval, 1.0) * 2, self._timing.most_interval)
        wait = min(self._timing.first_retry * 2.0 ** min(self._failures, 20), self._timing.most_retry)
        self._failures += 1
        self._failing_since = self._failing_since if self._failing_since is not None else now
        self.not_before = now + max(wait, outcome.retry_after, self._interval)
        return now - self._failing_since < self._timing.give_up

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last that did not."""
        return self._failures


class Allowance:
    """So many at once, and then one in so many seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._full_at: dict[str, float] = {}  # when all of an owner's allowance is back

    def take(self, owner: str, now: float) -> float:
        """Take one; returns 0, or how many seconds until there is one."""
        full_at = max(self._full_at.get(owner, now), now)
        if full_at - now > self._seconds * (self._most - 1):
            return full_at - now - self._seconds * (self._most - 1)
        self._full_at[owner] = full_at + self._seconds
        return 0.0

    def tidy(self, now: float) -> None:
        """Forget those who have all of it back."""
        self._full_at = {owner: at for owner, at in self._full_at.items() if at > now}
