"""Emails: messages in mailboxes, with keywords (RFC 8621 §4)."""

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.record import Email

__all__ = ["EMAIL", "Email"]
