"""STARTTLS: from the clear to TLS on one connection, with nothing of the one taken for the other.

Sections: RFC 9051 §6.2.1; RFC 2595 §4; RFC 3207 §4.2; RFC 5804 §2.2.
"""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from typing import Protocol, cast

from pillarbox.net.handshake import Handshakes
from pillarbox.net.observed import CONNECTIONS_FULL


class Secured(Protocol):
    """What a connection's protocol has to have: that of asyncio, and a word for the moment when TLS is there."""

    def connection_secured(self, transport: asyncio.Transport) -> None:
        """Use this transport from now on, and forget what was heard before: the client knows no state of ours."""

    def connection_lost(self, exc: Exception | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class _Between(asyncio.Protocol):
    """Stands in for the protocol until it has its new transport: the loops may hand over data before that."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.has_ended = self.is_full = self.is_lost = False
        self.error: Exception | None = None
        self.task: asyncio.Task[asyncio.Transport] | None = None

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)

    def eof_received(self) -> None:
        self.has_ended = True

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost, self.error = True, exc
        if self.task is not None:
            self.task.cancel()


def start_tls(transport: asyncio.Transport, protocol: Secured, handshakes: Handshakes, reply: bytes) -> None:
    """Send the reply that says "begin", and begin TLS. From this call on the protocol hears nothing until TLS is there.

    Then `connection_secured` is called, or `connection_lost` if it comes to nothing. What the client sent behind its
    command, before it had the reply, must not be obeyed (RFC 3207 §4.2, RFC 9051 §6.2.1): the protocol throws away what
    it has read already, and what waits in the socket goes to TLS, which takes it for noise and ends.
    """
    try:
        # The loops do not let anybody else read from a transport's own descriptor.
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
    except OSError as error:  # there are no more of them: without TLS, which was asked for, nothing more is said
        CONNECTIONS_FULL.log(reason=error.strerror)
        transport.abort()
        return
    connection = socket.socket(fileno=descriptor)
    connection.settimeout(0)
    transport.pause_reading()  # before the reply is sent: what comes after it is the client's part of the handshake
    between = _Between()
    transport.set_protocol(between)
    transport.write(reply)
    task = asyncio.get_running_loop().create_task(handshakes.upgrade(transport, between, connection))
    between.task = task
    task.add_done_callback(partial(_hand_over, protocol, between, connection))


def _hand_over(
    protocol: Secured, between: _Between, connection: socket.socket, task: asyncio.Task[asyncio.Transport]
) -> None:
    """Tell the protocol how it went, and what was heard meanwhile."""
    connection.close()
    between.task = None
    error = None if task.cancelled() else task.exception()
    if task.cancelled() or error is not None or between.is_lost:
        protocol.connection_lost(error if isinstance(error, Exception) else between.error)
        return
    transport = task.result()
    transport.set_protocol(cast("asyncio.Protocol", protocol))
    protocol.connection_secured(transport)
    if between.is_full:
        protocol.pause_writing()
    if between.heard and not transport.is_closing():
        protocol.data_received(b"".join(between.heard))
    if between.has_ended:
        protocol.eof_received()
