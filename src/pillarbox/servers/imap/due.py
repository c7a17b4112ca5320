"""When things last happened on a connection, and what becomes due with time (RFC 9051 §5.4; RFC 9585 §4)."""

from __future__ import annotations

from pillarbox.servers.imap import parting
from pillarbox.servers.imap.channel import Channel
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.settings import ImapSettings

_LINGER_SECONDS = 10  # for a peer to take the last responses
_PROGRESS_SECONDS = 10  # about how often a client is told that its command goes on
ABORT = b""  # instead of last words: there is no use in any


class Due:
    """Times of the event loop's clock, in seconds."""

    __slots__ = ("busy_since", "stranger_since", "touched_at")

    def __init__(self, now: float) -> None:
        self.stranger_since = self.touched_at = now  # since when nobody is logged in; when the peer did something
        self.busy_since: float | None = None  # when the command began that is being carried out, or was last told of

    def parting(
        self, now: float, settings: ImapSettings, session: Session, channel: Channel, *, is_asking: bool
    ) -> bytes | None:
        """The words with which a connection is to end now, or ABORT; None while it may go on.

        `is_asking`: the client has to answer before the command goes on.
        """
        quiet = now - self.touched_at
        if channel.is_upgrading:
            return None  # handshakes have bounds of their own
        if channel.transport.is_closing():
            return ABORT if quiet > _LINGER_SECONDS else None
        if session.logged_in is None:
            return parting.STRANGER if now - self.stranger_since > settings.login_seconds else None
        if not channel.is_taken:
            return ABORT if quiet > settings.take_seconds else None
        if is_asking or session.news.listening is not None:
            farewell = session.known_farewell(looks_again=True)
            if farewell is not None:
                return farewell
        is_waiting = self.busy_since is None or is_asking
        return parting.SILENT if is_waiting and quiet > settings.idle_seconds else None

    def takes_long(self, now: float) -> bool:
        """Whether the client should hear again that its command is being carried out."""
        if self.busy_since is None or now - self.busy_since < _PROGRESS_SECONDS:
            return False
        self.busy_since = now
        return True
