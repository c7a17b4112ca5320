"""What is found out about a message from outside before it is taken: who sent it, and whether that is true.

It is asked of others (SPF, DKIM, DMARC, ARC, reverse DNS need the DNS); without them, mail is taken unchecked.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Envelope
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer
from pillarbox.wire.smtp.reply import Reply


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out, and what follows from it."""

    data: bytes  # the message, without what strangers have put there in our name
    fields: bytes = b""  # Authentication-Results, Received-SPF
    verdicts: tuple[Verdict, ...] = ()
    refusal: Reply | None = None
    junk: str | None = None  # why it goes to junk mailboxes
    authenticated: Authenticated | None = None  # for the seal of mail that is sent on, and for reports
    asked: CheckedPeer | None = None

    @property
    def applied(self) -> str:
        """What is done with the message, in the words of DMARC."""
        if self.refusal is not None:
            return "reject"
        return "quarantine" if self.junk is not None else "none"


class Checks(Protocol):
    """Somebody who finds out."""

    async def host_name(self, address: str) -> str:
        """The name that an address has by reverse DNS, and that has the address (RFC 8601 §2.7.3); else empty."""

    async def check(self, peer: Peer, envelope: Envelope, data: bytes) -> Checked:
        """Look at a message. Whatever fails in it is one of its results, and no exception."""
