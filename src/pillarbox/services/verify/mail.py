"""Emails, threads, mailboxes and quotas agree (RFC 8621 §2, §3, §4; RFC 9425 §4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pillarbox.core.clock import from_date
from pillarbox.datatypes.annotation import ACCOUNT_ITSELF, ANNOTATION
from pillarbox.datatypes.email import EMAIL, Email, header_part, imap_part
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, id_of_role
from pillarbox.datatypes.quota import COUNT, OCTETS, QUOTA
from pillarbox.datatypes.thread import THREAD, Thread
from pillarbox.services.verify.finding import LIMIT, Finding, Ground
from pillarbox.storage import verify as rows

_PARTS = ("listing", "structure")
_MADE_AGAIN = {imap_part.NAME: imap_part.is_sound, header_part.FIELDS: header_part.is_sound}


@dataclass(slots=True)
class _Recount:
    """What the mailboxes and quotas should say, by mailbox id."""

    trash: str | None
    boxes: Mapping[str, Mailbox]
    emails: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    threads: Counter[str] = field(default_factory=Counter)
    unread_threads: Counter[str] = field(default_factory=Counter)
    hidden: Counter[str] = field(default_factory=Counter)  # by thread
    octets: int = 0
    count: int = 0


def check_mail(ground: Ground) -> Iterator[Finding]:
    """Everything about mail that records say about each other."""
    boxes = {box.id: box for page in ground.ids(MAILBOX) for box in ground.decode(MAILBOX, page).values()}
    recount = _Recount(id_of_role(ground.view, ground.account, "trash"), boxes)
    yield from _check_tree(ground, boxes)
    yield from _check_annotations(ground, boxes)
    for page in ground.ids(EMAIL):
        emails: dict[str, Email] = ground.decode(EMAIL, page)
        threads: dict[str, Thread] = ground.decode(THREAD, {email.thread_id for email in emails.values()})
        for email in emails.values():
            yield from _check_email(ground, email, threads.get(email.thread_id), recount)
        for name in _PARTS:
            for id in rows.missing_parts(ground.view.db, ground.account, EMAIL.name, name, page):
                yield ground.finding("part", EMAIL.name, id, f"its {name} is missing")
        # Messages that were stored before there were these parts do without: they are made when they are asked for.
        for name, is_sound in _MADE_AGAIN.items():
            for id, stored in ground.view.parts(EMAIL, ground.account, page, name).items():
                if not is_sound(stored):
                    yield ground.finding("part", EMAIL.name, id, f"its {name} is damaged")
    for page in ground.ids(THREAD):
        for thread in ground.decode(THREAD, page).values():
            yield from _check_thread(ground, thread, recount)
    yield from _check_counters(ground, recount)
    yield from _check_quota(ground, recount)


def _check_tree(ground: Ground, boxes: Mapping[str, Mailbox]) -> Iterator[Finding]:
    names: set[tuple[str | None, str]] = set()
    for box in boxes.values():
        if box.parent_id is not None and box.parent_id not in boxes:
            yield ground.finding("mailbox tree", MAILBOX.name, box.id, f"its parent {box.parent_id} does not exist")
        if (box.parent_id, box.name) in names:
            yield ground.finding("mailbox tree", MAILBOX.name, box.id, f"a sibling has the name {box.name!r} too")
        names.add((box.parent_id, box.name))


def _check_annotations(ground: Ground, boxes: Mapping[str, Mailbox]) -> Iterator[Finding]:
    for page in ground.ids(ANNOTATION):
        for one in ground.decode(ANNOTATION, page).values():
            if one.mailbox_id != ACCOUNT_ITSELF and one.mailbox_id not in boxes:
                text = f"it is about {one.mailbox_id}, which does not exist"
                yield ground.finding("annotation", ANNOTATION.name, one.id, text)


def _check_email(ground: Ground, email: Email, thread: Thread | None, recount: _Recount) -> Iterator[Finding]:
    recount.emails.update(email.mailbox_ids)
    recount.unread.update(email.mailbox_ids if email.is_unread else ())
    recount.octets += email.size
    recount.count += 1
    recount.hidden[email.thread_id] += email.is_hidden
    boxes = [*email.mailbox_ids, *email.deleted_ids]
    missing = [box for box in boxes if box not in recount.boxes]
    if missing or not boxes:
        text = f"it is in {', '.join(missing)}, which does not exist" if missing else "it is in no mailbox"
        yield ground.finding("email mailbox", EMAIL.name, email.id, text)
    # A thread keeps room for what only IMAP sees, and does not name it.
    if thread is None or (email.id in thread.email_ids) == email.is_hidden:
        yield ground.finding("thread", EMAIL.name, email.id, f"its thread {email.thread_id} does not have it")
    size = ground.view.blob_size(ground.account, email.blob_id)
    if size != email.size:
        text = "its blob is missing" if size is None else f"it has {email.size} octets, its blob {size}"
        yield ground.finding("email blob", EMAIL.name, email.id, text)


def _check_thread(ground: Ground, thread: Thread, recount: _Recount) -> Iterator[Finding]:
    found: dict[str, Email] = ground.decode(EMAIL, thread.email_ids)
    emails = [found[id] for id in thread.email_ids if id in found and found[id].thread_id == thread.id]
    if thread.hidden != recount.hidden[thread.id]:
        text = f"of its emails {thread.hidden} are noted as hidden, counted are {recount.hidden[thread.id]}"
        yield ground.finding("thread", THREAD.name, thread.id, text)
    if not (emails or thread.hidden) or len(emails) != len(thread.email_ids):
        yield ground.finding("thread", THREAD.name, thread.id, "it names emails that are not its own, or none")
    times = [from_date(email.received_at) or 0 for email in emails]
    order = list(zip(times, [email.id for email in emails], strict=True))
    # RFC 8621 §3: the ids are "sorted by the receivedAt date of the Email, oldest first".
    if order != sorted(order) or (len(emails) == len(thread.email_ids) and times != thread.times):
        yield ground.finding("thread", THREAD.name, thread.id, "its emails are not in the order of their times")
    if _sums(thread) != (wanted := _wanted_sums(emails, recount.trash)):
        yield ground.finding("thread", THREAD.name, thread.id, f"its counts {_sums(thread)} should be {wanted}")
    _, unread, unread_trash = wanted
    for box in {box for email in emails for box in email.mailbox_ids}:
        recount.threads[box] += 1
        # RFC 8621 §2: "Emails in the trash are treated as though they are in a separate Thread".
        recount.unread_threads[box] += bool(unread_trash if box == recount.trash else unread)


def _sums(thread: Thread) -> tuple[dict[str, int], int, int]:
    return dict(sorted(thread.mailboxes.items())), thread.unread, thread.unread_trash


def _wanted_sums(emails: list[Email], trash: str | None) -> tuple[dict[str, int], int, int]:
    boxes = Counter(box for email in emails for box in email.mailbox_ids)
    unread = [email for email in emails if email.is_unread]
    elsewhere = sum(any(box != trash for box in email.mailbox_ids) for email in unread)
    return dict(sorted(boxes.items())), elsewhere, sum(trash in email.mailbox_ids for email in unread)


def _check_counters(ground: Ground, recount: _Recount) -> Iterator[Finding]:
    for box in recount.boxes.values():
        wanted = {
            "totalEmails": (box.total_emails, recount.emails[box.id]),
            "unreadEmails": (box.unread_emails, recount.unread[box.id]),
            "totalThreads": (box.total_threads, recount.threads[box.id]),
            "unreadThreads": (box.unread_threads, recount.unread_threads[box.id]),
        }
        for name, (stored, counted) in wanted.items():
            if stored != counted:
                yield ground.finding("counter", MAILBOX.name, box.id, f"{name} is {stored}, counted are {counted}")


def _check_quota(ground: Ground, recount: _Recount) -> Iterator[Finding]:
    quotas: dict[str, Any] = ground.decode(QUOTA, (OCTETS, COUNT))
    for id, counted in ((OCTETS, recount.octets), (COUNT, recount.count)):
        stored = quotas[id].used if id in quotas else 0
        if stored != counted:
            yield ground.finding("quota", QUOTA.name, id, f"{stored} are noted as used, counted are {counted}")


def check_search(ground: Ground) -> Iterator[Finding]:
    """Every email can be searched."""
    for id in rows.unsearchable(ground.view.db, ground.account, LIMIT):
        yield ground.finding("text index", EMAIL.name, id, "the text index does not have it in this account")
