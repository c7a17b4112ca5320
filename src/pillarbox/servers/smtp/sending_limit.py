"""How much an account may send: one whose password was stolen is slowed, then refused, and told of in the log."""

from __future__ import annotations

import asyncio

from pillarbox.servers.smtp import observed_smtp as observed
from pillarbox.servers.smtp.settings import SubmissionSettings
from pillarbox.services.allowance import DAY_MS, HOUR_MS, Allowances
from pillarbox.wire.smtp.reply import Reply

_SLOW_FROM = 0.8  # of what is allowed
_Limit = tuple[str, str, int, int]  # the key, in words, how many, in how many milliseconds


class SendingLimit:
    """The limits of one account. Messages and recipients are counted when they are accepted."""

    def __init__(self, allowances: Allowances, settings: SubmissionSettings, account: str) -> None:
        self._allowances, self._settings, self._account = allowances, settings, account

    async def check_message(self) -> Reply | None:
        """The refusal of one message more, else None; near the limit it takes a while."""
        return await self._check(self._messages, 1)

    async def check_recipient(self, accepted: int) -> Reply | None:
        """The same of one recipient more, after those that this message has already."""
        return await self._check(self._recipients, accepted + 1)

    def note(self, recipients: int) -> None:
        """A message was taken for so many."""
        for limits, amount in ((self._messages, 1), (self._recipients, recipients)):
            for key, _, _, span_ms in limits:
                self._allowances.note(key, amount, span_ms)

    @property
    def _messages(self) -> tuple[_Limit, ...]:
        hour, day = self._settings.messages_an_hour, self._settings.messages_a_day
        return (
            (f"mh {self._account}", "messages an hour", hour, HOUR_MS),
            (f"md {self._account}", "messages a day", day, DAY_MS),
        )

    @property
    def _recipients(self) -> tuple[_Limit, ...]:
        hour, day = self._settings.recipients_an_hour, self._settings.recipients_a_day
        return (
            (f"rh {self._account}", "recipients an hour", hour, HOUR_MS),
            (f"rd {self._account}", "recipients a day", day, DAY_MS),
        )

    async def _check(self, limits: tuple[_Limit, ...], more: int) -> Reply | None:
        is_slow = False
        for key, what, most, _ in limits:
            used = self._allowances.used(key)
            if most and used + more > most:
                observed.TOO_MUCH.log(account=self._account, what=what, used=used, most=most)
                observed.SLOWED.count("refused")
                return Reply(451, "4.7.1", f"This account has reached its limit of {most} {what}; try again later")
            is_slow = is_slow or bool(most and used + more > most * _SLOW_FROM)
        if is_slow and self._settings.slow_seconds:
            observed.SLOWED.count("slowed")
            await asyncio.sleep(self._settings.slow_seconds)
        return None
