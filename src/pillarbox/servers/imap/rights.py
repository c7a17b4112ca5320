"""The letters of RFC 4314 for what may be done with a mailbox, as the delegation of whole accounts decides it.

RFC 4314 §2.1, §2.1.1; why rights are the same in all mailboxes of an account is told in docs/decisions (ADR 0009).
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.core.account import Access
from pillarbox.datatypes.mailbox import Mailbox

KNOWN = "lrswipkxteacd"
# RFC 4314 §2.2: beyond those of RFC 2086, as the capability RIGHTS= lists them.
BEYOND_RFC_2086 = "kxte"
_READ = "lr"
_WRITE = "lrswipkxte"
_OWN = "lrswipkxtea"
# RFC 4314 §2.1.1: what RFC 2086 knew as one right are several now.
_UNIONS = {"c": frozenset("kx"), "d": frozenset("te")}


def rights_of(access: Access, mailbox: Mailbox) -> str:
    """What somebody may do with a mailbox, `access` being what they are to its account."""
    return spelled(_OWN if access.is_personal else _READ if access.is_read_only else _WRITE, mailbox)


def delegated(right: str, mailbox: Mailbox) -> str:
    """What a delegate may do: one with the right "read", or "write"."""
    return spelled(_READ if right == "read" else _WRITE, mailbox)


def spelled(rights: str, mailbox: Mailbox) -> str:
    """Rights with those of RFC 2086 that they make up. Mail is delivered to the inbox: nobody may delete it."""
    letters = set(rights) - (set("x") if mailbox.role == "inbox" else set())
    # RFC 4314 §2.1.1: "When any of the "delete" member rights is set ..., the server MUST also include the "d" right".
    letters |= {union for union, members in _UNIONS.items() if letters & members}
    return "".join(letter for letter in KNOWN if letter in letters)


def members(rights: Iterable[str]) -> frozenset[str]:
    """Rights with the unions of RFC 2086 replaced by what they are unions of."""
    out: set[str] = set()
    for letter in rights:
        out |= _UNIONS.get(letter, {letter})
    return frozenset(out)
