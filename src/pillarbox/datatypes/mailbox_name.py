"""Names of mailboxes that every protocol can carry (RFC 8621 §2, RFC 9051 §5.1).

In IMAP a mailbox is named by the names on the way to it, with `/` between them. A name that holds a slash itself shows
a division slash in its place there; so that each can be told from the other, no stored name holds a division slash.
At the top level two names mean something else in IMAP: INBOX in any case, and the root of what others have shared.
"""

from __future__ import annotations

import unicodedata

SEPARATOR = "/"
SHOWN_SEPARATOR = "\N{DIVISION SLASH}"
INBOX = "INBOX"
OTHER_USERS = "Other Users"


def name_fault(name: str, max_octets: int) -> str:
    """What is wrong with a name, wherever the mailbox is; empty when nothing is."""
    if not 0 < len(name.encode("utf-8", "surrogatepass")) <= max_octets:
        return f"a name has 1 to {max_octets} octets of UTF-8"
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        return "a name has no control characters"
    if SHOWN_SEPARATOR in name:
        return f"a name has no {SHOWN_SEPARATOR} (U+2215); write / instead"
    return ""


def means_inbox(name: str) -> bool:
    """Whether a name at the top level is the inbox: "the case-insensitive mailbox name INBOX" (RFC 9051 §5.1)."""
    return name.isascii() and name.upper() == INBOX


def means_others(name: str) -> bool:
    """Whether a name at the top level is where IMAP shows the accounts of others."""
    return name.casefold() == OTHER_USERS.casefold()


def to_level(name: str) -> str:
    """How IMAP shows a name between separators."""
    return name.replace(SEPARATOR, SHOWN_SEPARATOR)


def from_level(level: str) -> str:
    """The name that IMAP, or an archive, means by what stands between separators, in normalisation form C."""
    return unicodedata.normalize("NFC", level).replace(SHOWN_SEPARATOR, SEPARATOR)
