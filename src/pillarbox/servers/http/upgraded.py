"""A connection that speaks another protocol after HTTP (RFC 9110 §7.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableSet
from typing import Any

from pillarbox.servers.http import observed

SWITCH = "pillarbox.switch"  # the ASGI extension: hands the connection over, when the request asks for an upgrade


class Upgraded(asyncio.Protocol):
    """The base of what takes a connection over. It stays among the listener's connections, which are counted."""

    __slots__ = ("connections", "leave")
    connections: MutableSet[Any]
    leave: Callable[[], None] | None  # frees the place that the client's address has taken

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.connections.discard(self)
        if self.leave is not None:
            self.leave()
        observed.CONNECTIONS.add(-1)  # it was counted when it began in HTTP

    def shutdown(self) -> None:
        """The listener stops; come to an end."""

    def is_late(self, now: float) -> bool:
        """Whether the client owes us something for too long."""
        return False
