"""What a mailbox is for: roles of JMAP and attributes of IMAP (RFC 6154, RFC 8457, RFC 8621 §2, RFC 9979)."""

from __future__ import annotations

# The inbox has its name instead.
_ATTRIBUTES = {
    "all": "\\All",
    "archive": "\\Archive",
    "drafts": "\\Drafts",
    "flagged": "\\Flagged",
    "important": "\\Important",
    "junk": "\\Junk",
    "memos": "\\Memos",
    "scheduled": "\\Scheduled",
    "sent": "\\Sent",
    "snoozed": "\\Snoozed",
    "trash": "\\Trash",
}
_ROLES = {attribute.lower(): role for role, attribute in _ATTRIBUTES.items()}


def attribute_of(role: str | None) -> str | None:
    """The attribute that LIST shows for a role; None for none."""
    return _ATTRIBUTES.get(role) if role is not None else None


def role_of(attribute: str) -> str | None:
    """The role that CREATE's USE asks for; None for an attribute that is not known."""
    return _ROLES.get(attribute.lower())
