"""The limits of an account that sends by SMTP: near them each answer takes a while, past them it is a refusal."""

from __future__ import annotations

import asyncio

from pillarbox.services.sending_limit import SendingLimits
from pillarbox.services.sending_use import Use
from pillarbox.wire.smtp.reply import Reply


class SendingLimit:
    """The limits of one account, for one message. It is counted when it is accepted, and looked at then once more."""

    def __init__(self, limits: SendingLimits, account: str, use: Use, now_ms: int, slow_seconds: float) -> None:
        self._limits, self._account, self._use, self._now_ms = limits, account, use, now_ms
        self._slow_seconds = slow_seconds

    async def check_message(self) -> Reply | None:
        """The refusal of one message more, else None; near the limit it takes a while."""
        return await self._check(messages=1)

    async def check_recipient(self, accepted: int) -> Reply | None:
        """The same of one recipient more, after those that this message has already."""
        return await self._check(recipients=accepted + 1)

    async def _check(self, *, messages: int = 0, recipients: int = 0) -> Reply | None:
        exceeded = self._limits.exceeded(
            self._account, self._use, self._now_ms, messages=messages, recipients=recipients
        )
        if exceeded is not None:
            text = str(exceeded)
            return Reply(451, "4.7.1", text[:1].upper() + text[1:])
        if self._slow_seconds and self._limits.is_near(self._use, messages=messages, recipients=recipients):
            await asyncio.sleep(self._slow_seconds)
        return None
