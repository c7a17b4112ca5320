"""STORE and UID STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.membership import Container, Membership
from pillarbox.servers.imap.chosen import Span, batches, choose, count, rows_of
from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.flag import DELETED, keyword_of
from pillarbox.servers.imap.message_limit import cut
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.flag import set_deleted
from pillarbox.services.mail.mark import change_keywords
from pillarbox.storage.member import words_column
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap import command as c
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap.sequence_set import to_set

_AT_ONCE = 500  # messages in one transaction
Rows = list[tuple[int, Membership]]


@dataclass(slots=True)
class _Change:
    """What is to become of flags."""

    operation: str
    keywords: frozenset[str]
    is_deleted: bool  # whether \\Deleted is among them
    unchanged_since: int | None
    modified: list[int] = field(default_factory=list)  # UIDs that had changed, and were left as they were
    rows: Rows = field(default_factory=list)  # as they became
    untold: frozenset[int] = frozenset()  # UIDs of those that others had changed, and the client has not heard of it
    number: int = 0  # of the transaction
    since: int | None = None  # where the client and the mailbox stood alike before it
    is_short: bool = False  # some of the messages are gone

    def apply(self, tx: Transaction, selected: Selected, spans: Sequence[Span]) -> None:
        """Change some messages. May run again from its beginning."""
        place = selected.place
        self.since = selected.modseq if selected.stands_at(_state(tx, selected)) else None
        rows = rows_of(tx, selected, spans)
        self.is_short = len(rows) < count(spans)
        since = self.unchanged_since
        self.modified = [row.uid for _, row in rows if since is not None and row.modseq > since]
        self.untold = frozenset(row.uid for _, row in rows if row.modseq > selected.modseq)
        left = set(self.modified)
        ids = [row.item for _, row in rows if row.uid not in left]
        changed = self._change(tx, place, ids)
        self.number = tx.numbers.get(place.account, 0)
        self.rows = [
            (number, self._became(tx, place, row) if row.item in changed else row)
            for number, row in rows
            if row.uid not in left
        ]

    def _change(self, tx: Transaction, place: Place, ids: Sequence[str]) -> set[str]:
        """Change emails; which of them were otherwise before."""
        adds = self.operation == "+"
        if self.operation == "=":
            changed = change_keywords(tx, place.account, ids, only=self.keywords)
            return {*changed, *set_deleted(tx, place.account, place.id, ids, on=self.is_deleted)}
        out: set[str] = set()
        if self.keywords:
            given = {"add" if adds else "remove": self.keywords}
            out.update(change_keywords(tx, place.account, ids, **given))
        if self.is_deleted:
            out.update(set_deleted(tx, place.account, place.id, ids, on=adds))
        return out

    def _became(self, tx: Transaction, place: Place, row: Membership) -> Membership:
        """The row of an email that was changed: what the transaction has written, so that it need not be read."""
        email = tx.get(EMAIL, place.account, row.item, with_deleted=True)
        assert email is not None
        assert EMAIL.members is not None
        words = words_column(EMAIL.members.words(email))
        return row._replace(modseq=self.number, words=words, is_deleted=place.id in email.deleted_ids)


async def store(session: Session, command: m.Store) -> Done:
    """Change flags, and tell what they have become."""
    selected = session.selected
    assert selected is not None
    selected.need_writing()
    if command.unchanged_since is not None:
        session.enable_condstore()
    part = cut(session, selected, choose(selected, command.set, is_uid=command.is_uid))
    keywords, is_deleted = set(), False
    for flag in command.flags:
        if flag.lower() == DELETED:
            is_deleted = True
        elif (keyword := keyword_of(flag)) is not None:
            keywords.add(keyword)
        elif flag.lower() != "\\recent":  # RFC 3501 §2.3.2: it cannot be changed
            return no(f"{flag} is no flag that can be set", "CANNOT")
    modified: list[int] = []
    is_short = False
    for batch in session.counted(batches(part.spans, _AT_ONCE), count(part.spans)):
        change = _Change(command.operation, frozenset(keywords), is_deleted, command.unchanged_since)
        selected.has_looked = False
        await session.news.write(partial(change.apply, selected=selected, spans=batch), selected.place.account)
        modified += change.modified
        is_short |= change.is_short
        session.say(selected.learn(word for _, row in change.rows for word in row.words.split()))
        session.say(_told(session, selected, command, change))
        if change.since is not None:
            _advance(session, selected, change)
        await session.line.drain()
    if modified:
        # RFC 7162 §3.1.3: the numbers are of the kind that the command used.
        numbers = modified if command.is_uid else [n for uid in modified if (n := selected.number_of(uid)) is not None]
        return part.ended(session, ok("Some have changed meanwhile", f"MODIFIED {to_set(numbers)}"))
    # RFC 9051 §7.1: "the client may want to issue NOOP soon"; with UIDs it hears of it right now.
    return part.ended(session, ok("Stored", "EXPUNGEISSUED" if is_short and not command.is_uid else ""))


def _state(tx: Transaction, selected: Selected) -> Container | None:
    try:
        return tx.container(selected.place.account, selected.place.id)
    except Fault:  # it is gone, which is told after the command
        return None


def _advance(session: Session, selected: Selected, change: _Change) -> None:
    """Nothing has changed but by this command: neither the client nor other sessions have to look for what did."""
    place = selected.place
    if change.number and change.since is not None:
        rows = [row for _, row in change.rows if row.modseq == change.number]
        session.service.images.advance((place.account, place.id), change.since, change.number, rows)
    selected.has_changed(change.number)


def _told(session: Session, selected: Selected, command: m.Store, change: _Change) -> bytes:
    """The untagged FETCH of what changed; of a silent STORE the modseq alone, for who wants it (RFC 7162 §3.1.3)."""
    lines = []
    for number, row in change.rows:
        # RFC 9051 §6.4.6: "if a change ... from an external source is observed", it is told even so.
        if row.modseq == change.number and row.uid not in change.untold:
            selected.own.add((row.uid, row.modseq))
        if not command.is_silent:
            selected.own.add((row.uid, row.modseq))
            lines.append(selected.flags_of(number, row, session, with_uid=command.is_uid))
        elif session.has_condstore:
            lines.append(selected.modseq_of(number, row, session, with_uid=command.is_uid))
    return "".join(lines).encode()


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Store: store}
