"""Runs an ASGI application on listening sockets in an event loop that is running already, by uvicorn and httptools."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

import uvicorn
from uvicorn.server import Server

from pillarbox.servers.http.app import HttpApp
from pillarbox.servers.http.connection import Connection, watch

_KEEP_ALIVE_SECONDS = 75
_STOP_SECONDS = 3


class HttpListener:
    """One application on some sockets. Signals, logs and the loop belong to whoever starts it."""

    def __init__(self, app: HttpApp, sockets: Sequence[socket.socket]) -> None:
        self._app, self._sockets = app, list(sockets)
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
            timeout_graceful_shutdown=_STOP_SECONDS,
            backlog=1024,
        )
        self._server = Server(config)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Accept connections. When this returns, the first request can be made."""
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=self._sockets)
        await self._server.on_tick(0)
        self._tasks = [
            asyncio.create_task(self._server.main_loop()),
            asyncio.create_task(watch(self._server.server_state.connections)),
        ]

    async def stop(self) -> None:
        """Accept no more, end open streams, let other requests finish for a few seconds."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._app.close()
        await self._server.shutdown(sockets=self._sockets)
