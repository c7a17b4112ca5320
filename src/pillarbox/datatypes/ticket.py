"""A ticket: stands for a login once, for half a minute, where no Authorization header can be sent."""

from __future__ import annotations

import msgspec


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket as the store keeps it."""

    account: str
    digest: str  # of the secret
    app_password: str  # its id; empty for a login by the account's own password
    proof: str  # of that password, which must still be the same
    expires_at: int  # milliseconds
