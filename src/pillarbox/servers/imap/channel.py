"""The way to and from a peer: a transport, TLS and compression on it, and whether the peer takes what is sent.

Sections: RFC 9051 §6.2.1 (STARTTLS); RFC 4978 (COMPRESS); RFC 5929 §4 (channel binding).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from pillarbox.net.tls import bindings_of, tls_of
from pillarbox.servers.imap import parting
from pillarbox.servers.imap.compression import Compression, NotDeflate
from pillarbox.wire.imap.session import Event
from pillarbox.wire.imap.session import Session as Machine

_PIECES_AT_ONCE = 16  # of compressed input, before others on the loop have their turn


class Channel:
    """What is below a conversation."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._is_reading = True
        self._writable = asyncio.Event()
        self.compression: Compression | None = None
        self.is_upgrading = False  # TLS is about to begin: nothing may be said, or heard
        self.use(transport)

    def use(self, transport: asyncio.BaseTransport) -> None:
        """Go on over this transport, which reads and takes what is sent."""
        self.transport = cast("asyncio.Transport", transport)  # those of uvloop are no asyncio.Transport
        self.is_upgrading, self._is_reading = False, True
        self._writable.set()

    @property
    def peer_address(self) -> str:
        """Where the peer is; empty for a unix socket."""
        name = self.transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else ""

    @property
    def is_open(self) -> bool:
        """Whether something may be said."""
        return not self.is_upgrading and not self.transport.is_closing()

    def send(self, octets: bytes) -> None:
        """Send responses."""
        if octets:
            self.transport.write(self.compression.squeeze(octets) if self.compression is not None else octets)

    def read(self, *, wanted: bool) -> None:
        """Read on, if more is wanted, and the peer takes what it is told."""
        has_room = self.compression is None or self.compression.wants_data
        wanted = wanted and has_room and self._writable.is_set()
        if wanted != self._is_reading and self.is_open:
            self._is_reading = wanted
            (self.transport.resume_reading if wanted else self.transport.pause_reading)()

    def next_event(self, machine: Machine) -> tuple[Event | None, bool]:
        """The next event of what has come by now, and whether there may be more than was looked at."""
        event = machine.next_event()
        if self.compression is None:
            return event, False
        try:
            for _ in range(_PIECES_AT_ONCE):
                if event is not None or machine.is_closed or not (piece := self.compression.expand()):
                    return event, False
                machine.receive_data(piece)
                event = machine.next_event()
        except NotDeflate:
            machine.close(parting.NOT_DEFLATE)
            return event, False
        return event, True

    # --- whether the peer takes what is sent

    @property
    def is_taken(self) -> bool:
        """Whether little waits for the peer to take it."""
        return self._writable.is_set()

    def set_taken(self, *, is_taken: bool) -> None:
        """The transport says so; or nobody takes anything any more, and there is nothing to wait for."""
        (self._writable.set if is_taken else self._writable.clear)()

    async def taken(self) -> None:
        """Wait until little waits."""
        await self._writable.wait()

    # --- TLS

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""
        return tls_of(self.transport) is not None

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind (RFC 5929 §4)."""
        return bindings_of(self.transport)
