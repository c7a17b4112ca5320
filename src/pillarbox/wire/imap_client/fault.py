"""What can go wrong between a client and its server."""

from __future__ import annotations

from pillarbox.wire.imap_client.response import Response


class Refused(Exception):
    """The server answered a command with NO or BAD."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.text or response.name)
        self.response = response


class Dropped(Exception):
    """The connection is gone, or cannot be used any more: another one may do better."""


class Unsuitable(Exception):
    """A connection to this server would not be what was asked for, now and later: no TLS, no trust, no such login."""
