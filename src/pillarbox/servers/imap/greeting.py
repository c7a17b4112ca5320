"""The first line that a client sees (RFC 9051 §7.1.4)."""

from __future__ import annotations

from pillarbox.servers.imap.capability import capabilities
from pillarbox.servers.imap.session import Session


def greeting(session: Session) -> bytes:
    """The greeting, with the capabilities so that nobody has to ask."""
    return f"* OK [CAPABILITY {capabilities(session)}] Pillarbox is ready\r\n".encode()
