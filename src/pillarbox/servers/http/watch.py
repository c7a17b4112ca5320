"""What is for those who keep the server running: /healthz/live, /healthz/ready and /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from pillarbox.core.metric import REGISTRY, Registry
from pillarbox.servers.http.answer import Answer, json_answer
from pillarbox.servers.http.exposition import CONTENT_TYPE, exposition
from pillarbox.servers.http.request import Request
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.watcher import Watchers

_READY, _NOT_READY = 200, 503
Sample = Callable[[], Awaitable[Registry]]


class Health(Protocol):
    """What is asked of the process's health."""

    async def checks(self) -> Mapping[str, str]:
        """Each thing that must be well, with `ok` or what is wrong."""


class WatchResource:
    """Answers the three addresses. Strangers learn no more than yes or no."""

    def __init__(self, watchers: Watchers, health: Health, sample: Sample) -> None:
        """`sample` looks at what is there once for all processes: the outbox, the store's size."""
        self._watchers, self._health, self._sample = watchers, health, sample

    async def live(self, request: Request) -> Answer:
        """The process answers."""
        return json_answer({"status": "ok"})

    async def ready(self, request: Request) -> Answer:
        """The process can serve."""
        checks = await self._health.checks()
        is_ready = all(found == "ok" for found in checks.values())
        told: dict[str, object] = {"status": "ok" if is_ready else "unavailable"}
        if self._watchers.admits(request):
            told["checks"] = checks
        return json_answer(told, _READY if is_ready else _NOT_READY)

    async def metrics(self, request: Request) -> Answer:
        """The numbers of all processes, and those of the store."""
        self._watchers.check(request)
        once = await self._sample()
        body = exposition([*REGISTRY.instruments.values(), *once.instruments.values()])
        return Answer(200, (CONTENT_TYPE,), body, compressible=True)

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/healthz/live", {"GET": self.live}, name="health"),
            Route("/healthz/ready", {"GET": self.ready}, name="health"),
            Route("/metrics", {"GET": self.metrics}, name="metrics"),
        ]
