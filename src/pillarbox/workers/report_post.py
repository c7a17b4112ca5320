"""Posts TLS reports to URLs, and again later where nobody takes them (RFC 8460 §5.4, §5.5)."""

from __future__ import annotations

import msgspec

from pillarbox.core.clock import Clock
from pillarbox.net.guarded_http import GuardedClient, OutboundError, Refused
from pillarbox.workers import observed

_SECONDS = 30.0
_AGAIN_MS = 3_600_000
_TRIES = 24  # RFC 8460 §5.5: for a day
_MOST = 500


class _Post(msgspec.Struct):
    url: str
    body: bytes
    next_ms: int
    tries: int = 1


class ReportPosts:
    """What is posted; what waits is forgotten when the process ends. For one event loop."""

    def __init__(self, client: GuardedClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._waiting: list[_Post] = []

    async def send(self, url: str, body: bytes) -> None:
        """Post now, and if that fails, later."""
        if not await self._post(url, body) and len(self._waiting) < _MOST:
            self._waiting.append(_Post(url, body, self._clock.now_ms() + _AGAIN_MS))

    async def again(self) -> None:
        """Post what is due again."""
        for post in list(self._waiting):
            if post.next_ms > self._clock.now_ms():
                continue
            post.tries += 1
            post.next_ms = self._clock.now_ms() + _AGAIN_MS
            if await self._post(post.url, post.body) or post.tries >= _TRIES:
                self._waiting.remove(post)

    async def _post(self, url: str, body: bytes) -> bool:
        """Whether there is nothing more to do: it was taken, or never will be."""
        try:
            answer = await self._client.send(
                "POST", url, {"Content-Type": "application/tlsrpt+gzip"}, body, seconds=_SECONDS
            )
        except Refused as error:
            observed.REPORT_NOT_POSTED.log(url=url, why=str(error))
            return True
        except OutboundError as error:
            observed.REPORT_NOT_POSTED.log(url=url, why=str(error))
            return False
        if 200 <= answer.status < 300:
            return True
        observed.REPORT_NOT_POSTED.log(url=url, why=f"the server answered {answer.status}")
        return 400 <= answer.status < 500 and answer.status not in (408, 425, 429)
