"""Looks at what waits in a socket, and leaves it there for whoever reads it."""

from __future__ import annotations

import asyncio
import socket


async def peek(connection: socket.socket, most: int) -> bytes:
    """The octets that wait in a socket, at least one of them unless it is at its end."""
    while True:
        try:
            return connection.recv(most, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            await _readable(connection)


async def _readable(connection: socket.socket) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)
