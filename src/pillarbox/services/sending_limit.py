"""How much an account may send, by whatever protocol: one whose password was stolen is slowed, stopped, and told of.

Past four fifths of a limit, what it sends to other servers leaves no faster than the limit allows on average: it waits
in the queue, where an administrator finds it. At the limit, nothing more is taken.
Sections: RFC 6409 §6.1 (a server may refuse for reasons of policy); RFC 8620 §5.3 (rateLimit).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Literal

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.view import Transaction
from pillarbox.services import observed
from pillarbox.services.sending_use import DAY_MS, HOUR_MS, Use, keep_use, use_of

_NEAR = 0.8  # of what is allowed
_MOST_NOTICES = 1_000


class SendingAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may send; 0: any number."""

    messages_an_hour: int = 0
    messages_a_day: int = 0
    recipients_an_hour: int = 0
    recipients_a_day: int = 0


class Exceeded(msgspec.Struct, frozen=True):
    """What an account has used up: so many messages or recipients in a span of time, which ends in so many seconds."""

    most: int
    what: str
    seconds: int = 0

    def __str__(self) -> str:
        return f"this account has reached its limit of {self.most} {self.what}; try again later"


class Notice(msgspec.Struct, frozen=True):
    """That an account was slowed or refused, and by what."""

    account: str
    act: Literal["slowed", "refused"]
    what: str
    most: int


class Notices:
    """What this process has yet to report, the last of each account and act. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Notice] = {}

    def add(self, notice: Notice) -> None:
        """Have it reported."""
        with self._lock:
            if len(self._waiting) < _MOST_NOTICES:
                self._waiting[notice.account, notice.act] = notice

    def take(self) -> list[Notice]:
        """All there are; they are forgotten here."""
        with self._lock:
            found, self._waiting = list(self._waiting.values()), {}
        return found


class _Limit(msgspec.Struct, frozen=True):
    what: str
    most: int
    span_ms: int
    until: int
    used: int
    more: int

    @property
    def is_near(self) -> bool:
        return self.used + self.more > self.most * _NEAR

    @property
    def pace_ms(self) -> int:
        """How long what is sent now takes at the average speed that is allowed."""
        return self.span_ms * self.more // self.most


class SendingLimits:
    """The limits of all accounts."""

    def __init__(self, allowance: SendingAllowance, notices: Notices | None = None) -> None:
        self.allowance, self.notices = allowance, notices or Notices()

    def exceeded(
        self, account: str, use: Use, now_ms: int, *, messages: int = 0, recipients: int = 0
    ) -> Exceeded | None:
        """What stands against so much more, which is reported; None: nothing."""
        for limit in self._limits(use, messages, recipients):
            if limit.used + limit.more > limit.most:
                observed.TOO_MUCH.log(account=account, what=limit.what, used=limit.used, most=limit.most)
                observed.SENDING_LIMITS.count("refused")
                self.notices.add(Notice(account, "refused", limit.what, limit.most))
                return Exceeded(limit.most, limit.what, -(-(limit.until - now_ms) // 1000))
        return None

    def is_near(self, use: Use, *, messages: int = 0, recipients: int = 0) -> bool:
        """Whether that would be more than four fifths of what the account may."""
        return any(limit.is_near for limit in self._limits(use, messages, recipients))

    def take(self, tx: Transaction, account: str, recipients: int) -> int | None:
        """Count one message to so many; when it may leave for other servers if it has to wait, else None.

        Raises Fault, as RATE_LIMIT, when the account may not send it now.
        """
        if not any(msgspec.structs.astuple(self.allowance)):
            return None
        use, now = use_of(tx, account), tx.now_ms
        if (exceeded := self.exceeded(account, use, now, messages=1, recipients=recipients)) is not None:
            raise Fault(Kind.RATE_LIMIT, str(exceeded), retry_after=exceeded.seconds)
        near = [limit for limit in self._limits(use, 1, recipients) if limit.is_near]
        use, at = use.more(recipients), None
        if near:
            slowest = max(near, key=lambda limit: limit.pace_ms)
            at = min(max(use.free_at, now) + slowest.pace_ms, now + slowest.span_ms)
            use = msgspec.structs.replace(use, free_at=at)
            observed.SLOWED.log(account=account, what=slowest.what, used=slowest.used, most=slowest.most)
            observed.SENDING_LIMITS.count("slowed")
            self.notices.add(Notice(account, "slowed", slowest.what, slowest.most))
        keep_use(tx, account, use)
        return at

    def _limits(self, use: Use, messages: int, recipients: int) -> Iterator[_Limit]:
        given, hour, day = self.allowance, use.hour, use.day
        found = (
            _Limit("messages an hour", given.messages_an_hour, HOUR_MS, hour.until, hour.messages, messages),
            _Limit("messages a day", given.messages_a_day, DAY_MS, day.until, day.messages, messages),
            _Limit("recipients an hour", given.recipients_an_hour, HOUR_MS, hour.until, hour.recipients, recipients),
            _Limit("recipients a day", given.recipients_a_day, DAY_MS, day.until, day.recipients, recipients),
        )
        return (limit for limit in found if limit.most and limit.more)
