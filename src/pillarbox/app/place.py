"""What the processes of one server share, made before the fork, and the place of one process in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pillarbox.net.count import Counts
from pillarbox.net.datagram import Mailboxes
from pillarbox.net.load import Loads
from pillarbox.services.failure_table import FailureTable


@dataclass(frozen=True, slots=True)
class Commons:
    """Memory and sockets for at most so many processes at a time."""

    seats: int
    counts: Counts
    http: Loads
    lmtp: Loads
    imap: Loads
    pop3: Loads
    smtp: Loads
    submission: Loads
    mailboxes: Mailboxes
    failures: FailureTable
    usage: FailureTable

    @classmethod
    def make(cls, seats: int) -> Commons:
        """Make all of it."""
        http, lmtp, imap, pop3, smtp, submission = (Loads(seats) for _ in range(6))
        failures, usage = FailureTable(), FailureTable()
        return cls(seats, Counts(seats), http, lmtp, imap, pop3, smtp, submission, Mailboxes(seats), failures, usage)

    def clear(self, seat: int) -> None:
        """Forget what a process said that is no more."""
        self.counts.clear(seat)
        self.http.clear(seat)
        self.lmtp.clear(seat)
        self.imap.clear(seat)
        self.pop3.clear(seat)
        self.smtp.clear(seat)
        self.submission.clear(seat)
        self.mailboxes.empty(seat)


@dataclass(frozen=True, slots=True)
class Place:
    """One process's place."""

    commons: Commons = field(default_factory=lambda: Commons.make(1))
    seat: int = 0
    has_duties: bool = True  # whether it does what one process does for all
