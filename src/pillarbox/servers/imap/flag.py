"""Flags of IMAP and keywords of JMAP: the same thing in two spellings (RFC 8621 §4.1.1, RFC 9051 §2.3.2).

Also the conditions that a message meets which has one, or which stands in some range of uids.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.email.keyword import is_keyword

SYSTEM = {"$answered": "\\Answered", "$draft": "\\Draft", "$flagged": "\\Flagged", "$seen": "\\Seen"}
_KEYWORDS = {flag.lower(): keyword for keyword, flag in SYSTEM.items()}
DELETED = "\\deleted"
# RFC 9051 §2.3.2: what a client may use although nobody has yet.
USUAL = ("$forwarded", "$mdnsent", "$junk", "$notjunk", "$phishing", "$important")
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "\\Seen")


def keyword_of(flag: str) -> str | None:
    r"""The keyword that a flag is; None for one that is none: `\Deleted`, `\Recent`, or what nobody may set."""
    if flag.startswith("\\"):
        return _KEYWORDS.get(flag.lower())
    keyword = flag.lower()
    return keyword if is_keyword(keyword) else None


def condition_of(flag: str) -> c.Condition:
    """That a message has a flag as it is written on the wire."""
    if flag.lower() == DELETED:
        return c.IsDeleted()
    keyword = keyword_of(flag)
    return c.HasWord("keywords", keyword) if keyword is not None else c.Some(())


def within(ranges: Iterable[tuple[int, int]]) -> c.Condition:
    """That a message is in one of some ranges of uids: the first of each, and the one after its last."""
    return c.Some(
        tuple(c.Every((c.Compare("uid", ">=", first), c.Compare("uid", "<", before))) for first, before in ranges)
    )


def mailbox_flags(keywords: Iterable[str]) -> str:
    """The flags of a mailbox in which these keywords are used."""
    used = {word for word in keywords if word not in SYSTEM}
    return " ".join((*SYSTEM_FLAGS, *sorted(used.union(USUAL))))
