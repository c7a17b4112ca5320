"""What changed at the source is changed in the store: keywords, labels, what is gone. Only the difference is.

So what the user did here meanwhile stays, as far as the source did not change the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.keyword import checked_keywords
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.services.mail.mailbox_path import Path, find_or_make
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

_TOGETHER = 200  # in one commit


class Change(NamedTuple):
    """A change of one email: keywords that came and went, and mailboxes that it is to be in as well."""

    email: str
    add: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()
    paths: tuple[Path, ...] = ()


def make_mailboxes(store: Store, account: str, wanted: Mapping[Path, bool]) -> dict[Path, str]:
    """Make the mailboxes that are not there, subscribed to or not; returns why some could not be made.

    Those that are there stay as they are.
    """

    def make(tx: Transaction) -> dict[Path, str]:
        before = set(tx.ids(MAILBOX, account, -1))
        found = find_or_make(tx, account, wanted)
        for path, id in found.items():
            if isinstance(id, str) and id not in before and not wanted[path]:
                box = tx.get(MAILBOX, account, id)
                assert box is not None
                tx.write(MAILBOX, account, box, msgspec.structs.replace(box, is_subscribed=False))
        return {path: str(fault) for path, fault in found.items() if isinstance(fault, Fault)}

    return store.write(make) if wanted else {}


def change_emails(store: Store, account: str, changes: Sequence[Change]) -> list[tuple[str, ...] | Fault]:
    """Change emails; those that are no more stay so. For each: the mailboxes of its paths, or why it was refused."""
    out: list[tuple[str, ...] | Fault] = []
    for start in range(0, len(changes), _TOGETHER):
        some = changes[start : start + _TOGETHER]
        out += store.write(partial(_change_all, account=account, changes=some))
    return out


def _change_all(tx: Transaction, account: str, changes: Sequence[Change]) -> list[tuple[str, ...] | Fault]:
    boxes = find_or_make(tx, account, dict.fromkeys(path for change in changes for path in change.paths))
    out: list[tuple[str, ...] | Fault] = []
    for change in changes:
        try:
            with tx.savepoint():
                out.append(_change(tx, account, change, boxes))
        except Fault as fault:
            out.append(fault)
    return out


def _change(tx: Transaction, account: str, change: Change, boxes: Mapping[Path, str | Fault]) -> tuple[str, ...]:
    ids = []
    for path in change.paths:
        if isinstance(found := boxes[path], Fault):
            raise found
        ids.append(found)
    email = tx.get(EMAIL, account, change.email)
    if email is not None:
        words = {word: True for word in email.keywords if word not in change.drop}
        words.update(dict.fromkeys(sorted(change.add), True))
        keywords = checked_keywords(words, tx.limits.max_keywords_per_email)
        mailbox_ids = {**email.mailbox_ids, **dict.fromkeys(ids, True)}
        if (keywords, mailbox_ids) != (email.keywords, email.mailbox_ids):
            new = msgspec.structs.replace(email, keywords=keywords, mailbox_ids=mailbox_ids)
            tx.write(EMAIL, account, email, new)
    return tuple(ids)


def remove_emails(store: Store, account: str, pairs: Iterable[tuple[str, str]]) -> int:
    """Take emails out of mailboxes, given as (email, mailbox); an email that is left in none is destroyed. How many."""
    leaving: dict[str, set[str]] = {}
    for email, box in pairs:
        leaving.setdefault(email, set()).add(box)
    return store.write(lambda tx: sum(_remove(tx, account, email, boxes) for email, boxes in leaving.items()))


def _remove(tx: Transaction, account: str, id: str, boxes: set[str]) -> int:
    email = tx.get(EMAIL, account, id)
    if email is None or boxes.isdisjoint(email.mailbox_ids):
        return 0
    left = {box: True for box in email.mailbox_ids if box not in boxes}
    tx.write(EMAIL, account, email, msgspec.structs.replace(email, mailbox_ids=left) if left else None)
    return 1
