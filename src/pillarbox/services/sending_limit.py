"""How much an account may send, by whatever protocol: one whose password was stolen is stopped, and told of in the log.

Sections: RFC 6409 §6.1 (a server may refuse for reasons of policy); RFC 8620 §5.3 (rateLimit).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.core.faults import Fault, Kind
from pillarbox.services import observed
from pillarbox.services.allowance import DAY_MS, HOUR_MS, Allowances

_NEAR = 0.8  # of what is allowed


class SendingAllowance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account may send; 0: any number."""

    messages_an_hour: int = 0
    messages_a_day: int = 0
    recipients_an_hour: int = 0
    recipients_a_day: int = 0


class Exceeded(msgspec.Struct, frozen=True):
    """What an account has used up: so many messages or recipients in a span of time."""

    most: int
    what: str

    def __str__(self) -> str:
        return f"this account has reached its limit of {self.most} {self.what}; try again later"


class _Limit(msgspec.Struct, frozen=True):
    key: str
    what: str
    most: int
    span_ms: int
    more: int


class SendingLimits:
    """The limits of all accounts. What is sent is counted when it is accepted, on this machine."""

    def __init__(self, allowances: Allowances, allowance: SendingAllowance) -> None:
        self._allowances, self._allowance = allowances, allowance

    def exceeded(self, account: str, *, messages: int = 0, recipients: int = 0) -> Exceeded | None:
        """What stands against so much more, which the log is told of; None: nothing."""
        for limit in self._limits(account, messages, recipients):
            used = self._allowances.used(limit.key)
            if limit.most and limit.more and used + limit.more > limit.most:
                observed.TOO_MUCH.log(account=account, what=limit.what, used=used, most=limit.most)
                observed.SENDING_LIMITS.count("refused")
                return Exceeded(limit.most, limit.what)
        return None

    def is_near(self, account: str, *, messages: int = 0, recipients: int = 0) -> bool:
        """Whether that would be more than four fifths of what the account may."""
        return any(
            limit.most and limit.more and self._allowances.used(limit.key) + limit.more > limit.most * _NEAR
            for limit in self._limits(account, messages, recipients)
        )

    def require(self, account: str, recipients: int) -> None:
        """Raises Fault, as RATE_LIMIT, when the account may not send one message to so many now."""
        if (exceeded := self.exceeded(account, messages=1, recipients=recipients)) is not None:
            raise Fault(Kind.RATE_LIMIT, str(exceeded))

    def note(self, account: str, recipients: int) -> None:
        """A message was taken for so many."""
        for limit in self._limits(account, 1, recipients):
            self._allowances.note(limit.key, limit.more, limit.span_ms)

    def _limits(self, account: str, messages: int, recipients: int) -> Iterator[_Limit]:
        given = self._allowance
        yield _Limit(f"mh {account}", "messages an hour", given.messages_an_hour, HOUR_MS, messages)
        yield _Limit(f"md {account}", "messages a day", given.messages_a_day, DAY_MS, messages)
        yield _Limit(f"rh {account}", "recipients an hour", given.recipients_an_hour, HOUR_MS, recipients)
        yield _Limit(f"rd {account}", "recipients a day", given.recipients_a_day, DAY_MS, recipients)
