"""Puts together what lets the server be seen running: /metrics and /healthz, here and on a listener of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from socket import socket

from pillarbox.app.config.settings import Metrics, Settings
from pillarbox.net.bridge import Bridge
from pillarbox.net.health import Health
from pillarbox.servers.http.app import HttpApp
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.listener import HttpListener
from pillarbox.servers.http.router import Route
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.http.watch import WatchResource
from pillarbox.servers.http.watcher import Watchers, WatcherSettings
from pillarbox.workers.sample import Sampler


@dataclass(frozen=True, slots=True)
class Watching:
    """The parts of it that the house starts and stops."""

    health: Health
    sampler: Sampler
    routes: Sequence[Route]  # for the listener of the clients
    listeners: Sequence[HttpListener]


def build_watching(bridge: Bridge, settings: Settings, http: HttpSettings, sockets: Sequence[socket]) -> Watching:
    """All of it; `sockets` are those of `metrics.listen`."""
    health, sampler = Health(bridge, settings.health.min_free_octets), Sampler(bridge)
    forwarding = Forwarding(http.public_url, http.trusted_proxies)

    def routes(*, is_own_listener: bool) -> list[Route]:
        watchers = Watchers(_who(settings.metrics, is_own_listener=is_own_listener), forwarding)
        return WatchResource(watchers, health, sampler.once).routes()

    app = HttpApp(http, routes(is_own_listener=True), bridge.run)
    listeners = (HttpListener(app, sockets),) if sockets else ()
    return Watching(health, sampler, routes(is_own_listener=False), listeners)


def _who(metrics: Metrics, *, is_own_listener: bool) -> WatcherSettings:
    # `allow` is about the listener that the world can reach; on one of its own, who can reach it is a watcher.
    allow = () if is_own_listener else metrics.allow
    return WatcherSettings(is_own_listener=is_own_listener, allow=allow, token=metrics.token)
