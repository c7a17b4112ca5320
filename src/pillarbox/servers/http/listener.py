"""Runs an ASGI application on bound sockets in an event loop that is running already, by uvicorn and httptools."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Sequence

import uvicorn
from uvicorn.server import Server

from pillarbox.net.accept import Acceptor, Secure
from pillarbox.net.handshake import Handshakes
from pillarbox.net.load import Connections, Loads
from pillarbox.net.tls import HTTP, TlsContexts
from pillarbox.servers.http.app import HttpApp
from pillarbox.servers.http.connection import Connection, watch
from pillarbox.servers.http.problem import Problem

_REQUEST = re.compile(rb"[A-Z]{3,20} (?:/|\*|http)")  # the forms of RFC 9112 §3.2 that clients send to servers
_KEEP_ALIVE_SECONDS = 75


class HttpListener:
    """One application on some sockets. Signals, logs and the loop belong to whoever starts it."""

    def __init__(
        self,
        app: HttpApp,
        sockets: Sequence[socket.socket],
        *,
        stop_seconds: int = 3,
        loads: Loads | None = None,
        seat: int = 0,
        secure: Secure | None = None,
    ) -> None:
        """`loads` tells how many connections the other processes have that accept on the same sockets.

        `secure` are further sockets, on which HTTP is spoken over TLS (RFC 9110 §4.2.2).
        """
        self._app, self._sockets, self._loads, self._seat, self._secure = app, sockets, loads, seat, secure
        # What uvicorn says of connections we say ourselves; each malformed request would be a line.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # ours are read by `forwarded`
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=stop_seconds,
        )
        self._server = Server(config)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Accept connections. When this returns, the first request can be made."""
        server, config = self._server, self._server.config
        config.load()
        server.lifespan = config.lifespan_class(config)
        server.servers = []  # connections are accepted here, and handed to uvicorn's protocol
        await server.on_tick(0)
        self._acceptor = Acceptor(self._sockets, self._make, self._live, self._loads, self._seat, self._secure)
        server.server_state.connections = Connections(self._acceptor.changed)
        self._acceptor.start()
        self._tasks = [
            asyncio.create_task(self._server.main_loop()),
            asyncio.create_task(watch(self._server.server_state.connections)),
        ]

    async def stop(self) -> None:
        """Accept no more, end open streams, let other requests finish for a few seconds."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._acceptor.stop()
        await self._app.close()
        await self._server.shutdown()

    def _make(self) -> asyncio.Protocol:
        server = self._server
        made = Connection(server.config, server.server_state, server.lifespan.state, asyncio.get_running_loop())
        made.admission = self._app.admission
        return made

    def _live(self) -> int:
        return len(self._server.server_state.connections)


def https(contexts: TlsContexts, sockets: Sequence[socket.socket]) -> Secure:
    """Sockets for HTTP over TLS. Who speaks HTTP without it is told so: people often leave the `s` out."""
    return Secure(sockets, Handshakes(contexts, HTTP, to_others=_tell_of_tls))


def _tell_of_tls(octets: bytes) -> bytes:
    if _REQUEST.match(octets) is None:
        return b""
    return Problem(400, "this port speaks HTTP over TLS: the address begins with https://").last_words()
