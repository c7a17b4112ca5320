"""One process that answers: listeners and workers on one event loop, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

import uvicorn.lifespan.off  # noqa: F401 -- uvicorn loads it in each process otherwise; what is loaded before the fork is shared

from pillarbox.app import observed
from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import Listening, ServeError
from pillarbox.app.place import Place
from pillarbox.app.tracing import TracingError, tracing
from pillarbox.app.wiring import House, Listener, build
from pillarbox.net.tls import TlsContexts
from pillarbox.storage.store import Store

_LOOP_FACTORY: Callable[[], asyncio.AbstractEventLoop] | None
try:
    import uvloop
except ImportError:  # not there on every platform
    _LOOP_FACTORY = None
else:
    _LOOP_FACTORY = uvloop.new_event_loop

_SWITCH_SECONDS = 0.0005


def serve(
    settings: Settings,
    listening: Listening,
    store: Store,
    on_ready: Callable[[], None],
    place: Place | None = None,
    lifeline: int | None = None,
    tls: TlsContexts | None = None,
) -> None:
    """Answer on the sockets until SIGTERM or SIGINT; `on_ready` is called when the first request can be made.

    `lifeline` is the end of a pipe whose other end a supervisor holds: when it closes, the supervisor is no more.
    """
    # The committing thread must not wait 5 ms for the interpreter whenever the event loop is busy.
    sys.setswitchinterval(_SWITCH_SECONDS)
    house = build(settings, store, listening, place, tls)
    with asyncio.Runner(loop_factory=_LOOP_FACTORY) as runner:
        try:
            with tracing(settings.tracing.endpoint):
                runner.run(_run(house, on_ready, settings.health.drain_seconds, lifeline))
        except TracingError as error:
            raise ServeError(str(error)) from None


async def _run(house: House, on_ready: Callable[[], None], drain_seconds: float, lifeline: int | None) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if lifeline is None:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    else:
        loop.add_reader(lifeline, _orphaned, lifeline, stop)
    started: list[Listener] = []
    workers: list[asyncio.Task[None]] = []
    try:
        for listener in (*house.listeners, *house.watching.listeners):
            await listener.start()
            started.append(listener)
        workers = [asyncio.create_task(worker.run()) for worker in house.workers]
        observed.WORKER_READY.log()
        on_ready()
        await stop.wait()
        observed.WORKER_STOPPING.log()
        house.watching.health.is_stopping = True  # who distributes requests sends them elsewhere from now on
        await asyncio.sleep(drain_seconds)
    finally:
        # Health is asked while the others stop, so its own listener stops last.
        await asyncio.gather(*(listener.stop() for listener in started[: len(house.listeners)]))
        for listener in started[len(house.listeners) :]:
            await listener.stop()
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await house.resolver.close()
        await house.bridge.close()


def _orphaned(lifeline: int, stop: asyncio.Event) -> None:
    asyncio.get_running_loop().remove_reader(lifeline)
    observed.WORKER_ORPHANED.log()
    stop.set()
