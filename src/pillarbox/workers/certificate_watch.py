"""Looks once a minute whether there are new certificates, and tells how long they are good for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pillarbox.net.bridge import Bridge
from pillarbox.net.tls import TlsContexts, warn
from pillarbox.workers import observed

_EVERY_SECONDS = 60
_DAY_MS = 86_400_000


class CertificateWatch:
    """One of these per process: each has its own copy of what is in the files. Connections go on as they are."""

    def __init__(self, bridge: Bridge, contexts: TlsContexts, *, for_all: bool = True) -> None:
        """`for_all` in the one process that warns of certificates that expire."""
        self._bridge, self._contexts, self._for_all = bridge, contexts, for_all
        self._next_warning_ms = bridge.store.clock.now_ms() + _DAY_MS  # the first one came with the start

    async def run(self) -> None:
        """Look, again and again. The first time at once: what was loaded before the fork may be old by now."""
        while True:
            await self.once()
            await asyncio.sleep(_EVERY_SECONDS)

    async def once(self) -> None:
        """Look once."""
        observed.begin("certificates", self._bridge.store.ids)
        try:
            await self._bridge.run(self._contexts.reload)
        except Exception as error:  # noqa: BLE001 -- the next look may go better
            observed.FAILED.log(error, work="certificates")
        now_ms = self._bridge.store.clock.now_ms()
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        for certificate in self._contexts.certificates:
            label = str(certificate.source.chain)  # the file is the same when the names in it change
            observed.CERTIFICATE_DAYS.declare(certificate=(label,))
            observed.CERTIFICATE_DAYS.set(round((certificate.not_after - now).total_seconds() / 86_400, 2), label)
        if self._for_all and now_ms >= self._next_warning_ms:
            self._next_warning_ms = now_ms + _DAY_MS
            warn(self._contexts.certificates, now)
