"""Changing the keywords of emails, as protocols do that know flags (RFC 9051 §6.4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.view import Transaction


def change_keywords(
    tx: Transaction,
    account: str,
    ids: Iterable[str],
    *,
    add: AbstractSet[str] = frozenset(),
    remove: AbstractSet[str] = frozenset(),
    only: AbstractSet[str] | None = None,
) -> list[str]:
    r"""Add and remove keywords, or have `only` these. Emails that are gone are passed over; \Deleted ones are not.

    Returns the ids of those that this changed. How many they may have, the caller has to see to.
    """
    out = []
    for email in tx.get_with_deleted(EMAIL, account, list(ids)).values():
        new = marked(email, add=add, remove=remove, only=only)
        if new is not email:
            tx.write(EMAIL, account, email, new)
            out.append(email.id)
    return out


def marked(
    email: Email,
    *,
    add: AbstractSet[str] = frozenset(),
    remove: AbstractSet[str] = frozenset(),
    only: AbstractSet[str] | None = None,
) -> Email:
    """An email with its keywords changed in the same way; itself when it has them so already."""
    had = email.keywords.keys()
    has = only if only is not None else (had | add) - remove
    return email if has == had else msgspec.structs.replace(email, keywords=dict.fromkeys(sorted(has), True))
