"""Tickets: for browsers, which cannot send an Authorization header with a WebSocket or an event stream.

A ticket is random; the store keeps its digest and what it stands for, so that any process can redeem it, and only one
does.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.ticket import Ticket
from pillarbox.datatypes.view import Transaction

SECONDS = 30
_MOST = 100  # of one account that are not redeemed yet
_TICKET = re.compile(r"([A-Za-z0-9_-]{1,255})\.([A-Za-z0-9_-]{43})\Z", re.ASCII)


def issue(tx: Transaction, account: str, app_password: str | None, password_hash: str) -> tuple[str, int]:
    """A new ticket for somebody who is logged in, and until when it holds. Raises rateLimit when there are too many."""
    if tx.drop_expired_tickets(account) >= _MOST:
        raise Fault(Kind.RATE_LIMIT, "too many tickets wait to be used; try again in a moment", retry_after=SECONDS)
    text = f"{account}.{secrets.token_urlsafe(32)}"
    until = tx.now_ms + SECONDS * 1000
    _, digest = parse(text) or ("", "")
    tx.add_ticket(
        Ticket(
            account=account,
            digest=digest,
            app_password=app_password or "",
            proof=proof_of(password_hash),
            expires_at=until,
        )
    )
    return text, until


def parse(text: str) -> tuple[str, str] | None:
    """(account, digest of the secret) of a ticket's text; None for what is none."""
    found = _TICKET.match(text)
    return (found[1], hashlib.sha256(found[2].encode()).hexdigest()) if found else None


def proof_of(password_hash: str) -> str:
    """What shows that a password is still the same, and is of no use to anybody who reads it."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32]
