"""Changing the keywords of emails, as protocols do that know flags (RFC 9051 §6.4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import msgspec

from pillarbox.datatypes.email.declaration import EMAIL
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

    Returns the ids of those that this changed. Raises Fault: tooManyKeywords.
    """
    out = []
    for email in tx.get_with_deleted(EMAIL, account, list(ids)).values():
        had = set(email.keywords)
        has = set(only) if only is not None else (had | add) - remove
        if has != had:
            keywords = dict.fromkeys(sorted(has), True)
            tx.write(EMAIL, account, email, msgspec.structs.replace(email, keywords=keywords))
            out.append(email.id)
    return out
