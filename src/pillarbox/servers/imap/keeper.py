"""What a connection asks of the listener that it belongs to."""

from __future__ import annotations

from typing import Protocol, TypeVar

from pillarbox.net.handshake import Handshakes
from pillarbox.servers.imap.session import Session
from pillarbox.wire.imap.session import Session as Machine

C_contra = TypeVar("C_contra", contravariant=True)  # the connection


class Keeper(Protocol[C_contra]):
    """Who keeps account of the connections."""

    handshakes: Handshakes | None

    def admit(self, connection: C_contra, peer_address: str) -> bytes | None:
        """Take a connection in; the BYE that sends it away instead."""

    def forget(self, connection: C_contra) -> None:
        """The connection is gone."""

    def begin(self, connection: C_contra) -> tuple[Machine, Session]:
        """The conversation for a connection."""
