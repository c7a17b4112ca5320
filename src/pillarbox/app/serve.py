"""Runs the server: listeners and workers on one event loop, until SIGTERM or SIGINT ends it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pillarbox.app import observed
from pillarbox.app.config.settings import Settings
from pillarbox.app.tracing import TracingError, tracing
from pillarbox.app.wiring import House, Listener, blobs_of, build, open_store
from pillarbox.net.socket_address import open_sockets
from pillarbox.storage.store import Store

_SWITCH_SECONDS = 0.0005


class ServeError(Exception):
    """The server cannot start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The sockets of a server that is about to answer."""

    http: Sequence[socket.socket]
    lmtp: Sequence[socket.socket]
    metrics: Sequence[socket.socket] = ()

    def close(self) -> None:
        """Close them all."""
        for sock in (*self.http, *self.lmtp, *self.metrics):
            sock.close()


def listen(settings: Settings) -> Listening:
    """Open all sockets that the settings name. Raises ServeError."""
    opened = {name: _open(name, getattr(settings, name).listen) for name in ("http", "lmtp", "metrics")}
    return Listening(**opened)


def _open(protocol: str, addresses: Sequence[str]) -> list[socket.socket]:
    out: list[socket.socket] = []
    for address in addresses:
        try:
            out += open_sockets(address)
        except OSError as error:
            for sock in out:
                sock.close()
            raise ServeError(f"cannot listen on {address} ({protocol}.listen): {error.strerror or error}") from None
    return out


@contextlib.contextmanager
def pid_file(folder: Path) -> Iterator[None]:
    """Hold `pillarbox.pid` in the data directory, with our process id. Raises ServeError when another server does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "pillarbox.pid"
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ServeError(f"a server with process id {file.read().strip()} runs on {folder} already") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        path.unlink(missing_ok=True)


def serve(settings: Settings, listening: Listening, store: Store, on_ready: Callable[[], None]) -> None:
    """Answer on the sockets until SIGTERM or SIGINT; `on_ready` is called when the first request can be made."""
    # The committing thread must not wait 5 ms for the interpreter whenever the event loop is busy.
    sys.setswitchinterval(_SWITCH_SECONDS)
    house = build(settings, store, listening.http, listening.lmtp, listening.metrics)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            with tracing(settings.tracing.endpoint):
                runner.run(_run(house, on_ready, settings.health.drain_seconds))
        except TracingError as error:
            raise ServeError(str(error)) from None


def serve_settings(settings: Settings, on_ready: Callable[[Listening], None]) -> None:
    """Open what the settings name, and serve. Raises ServeError and StoreError."""
    with pid_file(settings.data):
        listening = listen(settings)
        try:
            store = open_store(settings.data, settings.limits, settings.hostname, blobs_of(settings))
            try:
                serve(settings, listening, store, lambda: on_ready(listening))
            finally:
                store.close()
        finally:
            listening.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(house: House, on_ready: Callable[[], None], drain_seconds: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    started: list[Listener] = []
    workers: list[asyncio.Task[None]] = []
    try:
        for listener in house.listeners:
            await listener.start()
            started.append(listener)
        workers = [asyncio.create_task(worker.run()) for worker in house.workers]
        observed.READY.log()
        on_ready()
        await stop.wait()
        observed.STOPPING.log()
        house.watching.health.is_stopping = True  # who distributes requests sends them elsewhere from now on
        await asyncio.sleep(drain_seconds)
    finally:
        for listener in started:
            await listener.stop()
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await house.bridge.close()
