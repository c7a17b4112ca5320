"""The limits of an account that sends by SMTP: near them each answer takes a while, past them it is a refusal."""

from __future__ import annotations

import asyncio

from pillarbox.servers.smtp.settings import SubmissionSettings
from pillarbox.services import observed
from pillarbox.services.allowance import Allowances
from pillarbox.services.sending_limit import SendingAllowance, SendingLimits
from pillarbox.wire.smtp.reply import Reply


class SendingLimit:
    """The limits of one account. Messages and recipients are counted when they are accepted."""

    def __init__(self, allowances: Allowances, settings: SubmissionSettings, account: str) -> None:
        allowance = SendingAllowance(
            messages_an_hour=settings.messages_an_hour,
            messages_a_day=settings.messages_a_day,
            recipients_an_hour=settings.recipients_an_hour,
            recipients_a_day=settings.recipients_a_day,
        )
        self._limits, self._slow_seconds = SendingLimits(allowances, allowance), settings.slow_seconds
        self._account = account

    async def check_message(self) -> Reply | None:
        """The refusal of one message more, else None; near the limit it takes a while."""
        return await self._check(messages=1)

    async def check_recipient(self, accepted: int) -> Reply | None:
        """The same of one recipient more, after those that this message has already."""
        return await self._check(recipients=accepted + 1)

    def note(self, recipients: int) -> None:
        """A message was taken for so many."""
        self._limits.note(self._account, recipients)

    async def _check(self, *, messages: int = 0, recipients: int = 0) -> Reply | None:
        exceeded = self._limits.exceeded(self._account, messages=messages, recipients=recipients)
        if exceeded is not None:
            text = str(exceeded)
            return Reply(451, "4.7.1", text[:1].upper() + text[1:])
        if self._slow_seconds and self._limits.is_near(self._account, messages=messages, recipients=recipients):
            observed.SENDING_LIMITS.count("slowed")
            await asyncio.sleep(self._slow_seconds)
        return None
