"""Who asks for addresses that do not exist: each answer takes longer after some, and after many there is none.

Spammers find out in this way whom to write to, from outside as well as by an account whose password was stolen.
"""

from __future__ import annotations

import asyncio

from pillarbox.servers.smtp import observed_smtp as observed
from pillarbox.servers.smtp.settings import SmtpSettings
from pillarbox.services.allowance import HOUR_MS, Allowances
from pillarbox.wire.smtp.reply import Reply

_HARVEST = Reply(450, "4.7.1", "Too many addresses that do not exist, try again later")
_REFUSED_FROM = 10  # times what is free


class Harvest:
    """What one network, or one account, has asked for. Nobody is counted without a `key`, as who is of this machine."""

    def __init__(self, allowances: Allowances, settings: SmtpSettings, key: str, address: str) -> None:
        self._allowances, self._settings = allowances, settings
        self._key, self._address = f"unknown {key}" if key else "", address

    def refusal(self) -> Reply | None:
        """The answer to whoever has asked for too many, else None."""
        used = self._allowances.used(self._key) if self._key else 0
        return _HARVEST if used > _REFUSED_FROM * self._settings.free_unknown else None

    async def note(self) -> None:
        """Count one more, and let who has asked for many wait for the answer."""
        if not self._key:
            return
        used = self._allowances.note(self._key, 1, HOUR_MS)
        if used > self._settings.free_unknown:
            observed.HARVEST.log(address=self._address, unknown=used)
            await asyncio.sleep(self._settings.tarpit_seconds)
