"""`pillarbox serve`: opens what the settings name, and has a supervisor keep the processes that answer."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import partial

from pillarbox.app.allocator import keep_one_heap
from pillarbox.app.certificates import CertificateStore
from pillarbox.app.config.load import ConfigError
from pillarbox.app.config.settings import Settings
from pillarbox.app.listening import Listening, ServeError, listen, pid_file
from pillarbox.app.logs import set_up
from pillarbox.app.place import Place
from pillarbox.app.supervisor import Supervisor
from pillarbox.app.wiring import blobs_of, open_store, preload
from pillarbox.app.worker import serve
from pillarbox.net.certificate import CertificateError
from pillarbox.storage.store import Store

_BACKLOG = 1024


def serve_settings(
    settings: Settings, on_ready: Callable[[Listening], None], reread: Callable[[], Settings] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. Raises ServeError and StoreError.

    `reread` reads the settings anew on SIGHUP; it raises ConfigError.
    """
    keep_one_heap()
    certificates = CertificateStore()
    try:
        certificates.load(settings)
    except CertificateError as error:
        raise ServeError(str(error)) from None

    with pid_file(settings.data):
        listening = listen(settings)
        try:
            # Made or migrated once, here, where its failing is told; nothing of it stays open over the fork.
            _open_store(settings).close()
            listening.listen(_BACKLOG)
            preload(settings)
            gc.collect()
            gc.freeze()  # what all processes share is not written to by looking for garbage in it

            def work(settings: Settings, place: Place, lifeline: int, say_ready: Callable[[], None]) -> None:
                set_up(settings.log)
                store = _open_store(settings)
                store.shelves.resize(settings.cache_octets // workers_of(settings))
                try:
                    serve(settings, listening, store, say_ready, place, lifeline, certificates.of(settings))
                finally:
                    store.close()

            again = partial(_reread, reread, certificates) if reread is not None else None
            Supervisor(settings, workers_of(settings), work, lambda: on_ready(listening), again).run()
        finally:
            listening.close()


def _reread(reread: Callable[[], Settings], certificates: CertificateStore) -> Settings:
    """The settings anew, with their certificates and what their listeners need. Raises ConfigError."""
    settings = reread()
    try:
        certificates.load(settings)
        preload(settings)
    except (CertificateError, ServeError) as error:
        raise ConfigError(str(error)) from None
    return settings


def _open_store(settings: Settings) -> Store:
    return open_store(
        settings.data,
        settings.limits,
        settings.hostname,
        blobs_of(settings),
        settings.storage.url,
        scram=settings.login.scram,
    )


def workers_of(settings: Settings) -> int:
    """How many processes shall answer."""
    if settings.workers:
        return settings.workers
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
