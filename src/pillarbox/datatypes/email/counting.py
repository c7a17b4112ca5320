"""Threads and counters follow every change of an email, in the same transaction (RFC 8621 §2, §3).

A change costs the same whatever the size of the mailbox: a thread knows how many of its emails are where, so what a
mailbox's counters gain or lose is the difference between the thread before and after.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, id_of_role
from pillarbox.datatypes.thread import THREAD, Thread
from pillarbox.datatypes.view import Transaction

_replace = msgspec.structs.replace
_MAX_KEYS = 2_000  # of a thread, which every change of its emails rewrites


def trash_of(tx: Transaction, account: str) -> str | None:
    """The id of the account's trash, asked for once in a transaction."""
    key = f"trash:{account}"
    notes = tx.notes()
    if key not in notes:
        tx.remember(key, id_of_role(tx, account, "trash"))
    found: str | None = tx.notes()[key]
    return found


def follow_email(tx: Transaction, account: str, old: Email | None, new: Email | None, keys: Iterable[str] = ()) -> None:
    """Write the thread and the mailboxes of an email that was created, changed or destroyed, hidden or shown again."""
    email = new or old
    assert email is not None
    if old is not None and new is not None and _counts(old) == _counts(new):
        return
    before = tx.get(THREAD, account, email.thread_id, with_deleted=True)
    # Where nothing is unread it does not matter which mailbox is the trash.
    is_asked = any(email is not None and email.is_unread for email in (old, new)) or (
        before is not None and (before.unread or before.unread_trash)
    )
    trash = trash_of(tx, account) if is_asked else None
    after = _thread_after(before, old, new, trash, keys)
    _count_mailboxes(tx, account, old, new, before, after, trash)
    tx.write(THREAD, account, before, after if after.email_ids or after.hidden else None)


def _thread_after(
    before: Thread | None, old: Email | None, new: Email | None, trash: str | None, keys: Iterable[str]
) -> Thread:
    email = new or old
    assert email is not None
    thread = before or Thread(id=email.thread_id, email_ids=[], times=[], mailboxes={})
    ids, times = list(thread.email_ids), list(thread.times)
    was_shown, is_shown = _is_shown(old), _is_shown(new)
    if is_shown and not was_shown:
        time = from_date(email.received_at) or 0
        at = bisect_left(list(zip(times, ids, strict=True)), (time, email.id))
        ids.insert(at, email.id)
        times.insert(at, time)
    elif was_shown and not is_shown:
        at = ids.index(email.id)
        del ids[at], times[at]
    mailboxes = dict(thread.mailboxes)
    for box in new.mailbox_ids if new else ():
        mailboxes[box] = mailboxes.get(box, 0) + 1
    for box in old.mailbox_ids if old else ():
        mailboxes[box] = mailboxes.get(box, 0) - 1
    return _replace(
        thread,
        email_ids=ids,
        times=times,
        mailboxes={box: n for box, n in mailboxes.items() if n > 0},
        unread=thread.unread + _unread(new, trash) - _unread(old, trash) if ids else 0,
        unread_trash=thread.unread_trash + _unread_trash(new, trash) - _unread_trash(old, trash) if ids else 0,
        hidden=thread.hidden + (new is not None and not is_shown) - (old is not None and not was_shown),
        keys=list(dict.fromkeys([*thread.keys, *keys]))[:_MAX_KEYS] if keys else thread.keys,
    )


def _counts(email: Email) -> tuple[object, ...]:
    """All of an email that its thread and its mailboxes count."""
    return email.thread_id, email.mailbox_ids, email.is_hidden, email.is_unread


def _is_shown(email: Email | None) -> bool:
    return email is not None and not email.is_hidden


def _unread(email: Email | None, trash: str | None) -> int:
    return int(email is not None and email.is_unread and any(box != trash for box in email.mailbox_ids))


def _unread_trash(email: Email | None, trash: str | None) -> int:
    return int(email is not None and email.is_unread and trash in email.mailbox_ids)


def _count_mailboxes(
    tx: Transaction,
    account: str,
    old: Email | None,
    new: Email | None,
    before: Thread | None,
    after: Thread,
    trash: str | None,
) -> None:
    had, has = set(old.mailbox_ids if old else ()), set(new.mailbox_ids if new else ())
    threads_had, threads_has = set(before.mailboxes if before else ()), set(after.mailboxes)
    for id in sorted(had | has | threads_had | threads_has):
        emails = (id in has) - (id in had)
        unread = (id in has and new is not None and new.is_unread) - (id in had and old is not None and old.is_unread)
        threads = (id in threads_has) - (id in threads_had)
        unread_threads = (id in threads_has and after.is_unread_in(id, trash)) - (
            before is not None and id in threads_had and before.is_unread_in(id, trash)
        )
        if emails or unread or threads or unread_threads:
            _add(tx, account, id, emails, unread, threads, unread_threads)


def _add(tx: Transaction, account: str, id: str, emails: int, unread: int, threads: int, unread_threads: int) -> None:
    box = tx.get(MAILBOX, account, id)
    if box is None:  # being destroyed in this transaction
        return
    new = _replace(
        box,
        total_emails=box.total_emails + emails,
        unread_emails=box.unread_emails + unread,
        total_threads=box.total_threads + threads,
        unread_threads=box.unread_threads + unread_threads,
    )
    tx.write(MAILBOX, account, box, new)


def recount(tx: Transaction, account: str, emails: Iterable[Email]) -> None:
    """Work out all threads' and mailboxes' counters anew: the trash became another mailbox."""
    trash = id_of_role(tx, account, "trash")
    tx.remember(f"trash:{account}", trash)
    unread: Tally[str] = Tally()
    unread_trash: Tally[str] = Tally()
    for email in emails:
        unread[email.thread_id] += _unread(email, trash)
        unread_trash[email.thread_id] += _unread_trash(email, trash)
    unread_threads: Tally[str] = Tally()
    for thread in tx.all(THREAD, account):
        new = _replace(thread, unread=unread[thread.id], unread_trash=unread_trash[thread.id])
        tx.write(THREAD, account, thread, new)
        unread_threads.update(box for box in new.mailboxes if new.is_unread_in(box, trash))
    for box in tx.all(MAILBOX, account):
        tx.write(MAILBOX, account, box, _recounted(box, unread_threads[box.id]))


def _recounted(box: Mailbox, unread_threads: int) -> Mailbox:
    return _replace(box, unread_threads=unread_threads)
