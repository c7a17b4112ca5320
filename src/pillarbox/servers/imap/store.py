"""STORE and UID STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.keyword import check_count
from pillarbox.datatypes.email.record import Email
from pillarbox.datatypes.membership import Membership
from pillarbox.servers.imap.chosen import Span, batches, choose, count, emails_of
from pillarbox.servers.imap.done import Done, no, ok
from pillarbox.servers.imap.flag import DELETED, keyword_of
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.message_limit import cut
from pillarbox.servers.imap.selected import News, Selected
from pillarbox.servers.imap.session import Session
from pillarbox.services.mail.flag import flagged
from pillarbox.services.mail.mark import marked
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
    images: Images
    tells: bool  # what others have changed
    modified: list[int] = field(default_factory=list)  # UIDs that had changed, and were left as they were
    rows: Rows = field(default_factory=list)  # as they became
    untold: frozenset[int] = frozenset()  # UIDs of those that others had changed, and the client has not heard of it
    number: int = 0  # of the transaction
    since: int | None = None  # that of the mailbox before it, if the client is told all of up to there
    news: News | None = None  # what that is
    is_short: bool = False  # some of the messages are gone

    def apply(self, tx: Transaction, selected: Selected, spans: Sequence[Span]) -> None:
        """Change some messages. May run again from its beginning."""
        place, since = selected.place, self.unchanged_since
        self._look(tx, selected)
        found = emails_of(tx, selected, spans)
        self.is_short = len(found) < count(spans)
        self.modified = [row.uid for _, row, _ in found if since is not None and row.modseq > since]
        self.untold = frozenset(row.uid for _, row, _ in found if row.modseq > selected.modseq)
        left, self.rows = set(self.modified), []
        for number, row, email in found:
            if row.uid in left:
                continue
            new = self._changed(email, place.id)
            if len(new.keywords) > len(email.keywords):
                check_count(len(new.keywords), tx.limits.max_keywords_per_email)
            if new is not email:
                tx.write(EMAIL, place.account, email, new)
                row = _became(row, new, place.id, tx.numbers[place.account])  # noqa: PLW2901
            self.rows.append((number, row))
        self.number = tx.numbers.get(place.account, 0)
        if self.since is not None and self.number:
            changed = [row for _, row in self.rows if row.modseq == self.number]
            self.images.advance(tx, place.account, place.id, (self.since, self.number), changed)

    def _look(self, tx: Transaction, selected: Selected) -> None:
        """Find out what others have changed before, so that it can be told without another reading of the store."""
        state = selected.state(tx)
        self.news = self.since = None
        if state is None or selected.contexts:  # what is gone is told after the command, and contexts are found anew
            return
        if selected.stands_at(state):
            self.since = state.modseq
        elif self.tells:
            self.news = selected.look_at(tx, self.images, state)
            self.since = state.modseq

    def _changed(self, email: Email, mailbox: str) -> Email:
        """What an email is to become; itself when it is so already."""
        if self.operation == "=":
            return flagged(marked(email, only=self.keywords), mailbox, on=self.is_deleted)
        adds = self.operation == "+"
        if self.keywords:
            email = marked(email, add=self.keywords) if adds else marked(email, remove=self.keywords)
        return flagged(email, mailbox, on=adds) if self.is_deleted else email


def _became(row: Membership, email: Email, mailbox: str, number: int) -> Membership:
    """The row of an email that was changed: what the transaction has written, so that it need not be read."""
    is_deleted = mailbox in email.deleted_ids
    return row._replace(modseq=number, words=words_column(email.keywords), is_deleted=is_deleted)


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
    images, tells = session.service.images, session.news.notifier is None
    for batch in session.counted(batches(part.spans, _AT_ONCE), count(part.spans)):
        await session.line.drain()  # of the batch before; the last goes with the tagged response
        change = _Change(command.operation, frozenset(keywords), is_deleted, command.unchanged_since, images, tells)
        selected.has_looked = False
        await session.news.write(partial(change.apply, selected=selected, spans=batch), selected.place.account)
        modified += change.modified
        is_short |= change.is_short
        _tell_news(session, selected, change)
        session.say(selected.learn(word for _, row in change.rows for word in row.words.split()))
        session.say(_told(session, selected, command, change))
        if change.since is not None:  # neither the client nor other sessions have to look for what it did
            selected.has_changed(change.number)
    if modified:
        # RFC 7162 §3.1.3: the numbers are of the kind that the command used.
        numbers = modified if command.is_uid else [n for uid in modified if (n := selected.number_of(uid)) is not None]
        return part.ended(session, ok("Some have changed meanwhile", f"MODIFIED {to_set(numbers)}"))
    # RFC 9051 §7.1: "the client may want to issue NOOP soon"; with UIDs it hears of it right now.
    return part.ended(session, ok("Stored", "EXPUNGEISSUED" if is_short and not command.is_uid else ""))


def _tell_news(session: Session, selected: Selected, change: _Change) -> None:
    """Tell what others had changed before, but for the flags of messages that the command tells anyway."""
    news = change.news
    if news is None or news.image is None:
        return
    told = {row.uid for _, row in change.rows}
    news = news._replace(rows=[row for row in news.rows if row.uid not in told])
    for piece in selected.take(news, session, may_expunge=False):  # removals are told after it, if at all
        session.say(piece)


def _told(session: Session, selected: Selected, command: m.Store, change: _Change) -> bytes:
    """The untagged FETCH of what changed; of a silent STORE the modseq alone, for who wants it (RFC 7162 §3.1.3)."""
    lines, is_all_told = [], change.since is not None
    for number, row in change.rows:
        # RFC 9051 §6.4.6: "if a change ... from an external source is observed", it is told even so.
        is_untold = row.uid in change.untold
        if row.modseq == change.number and not is_untold:
            selected.own.add((row.uid, row.modseq))
        if not command.is_silent or (is_all_told and is_untold):
            selected.own.add((row.uid, row.modseq))
            lines.append(selected.flags_of(number, row, session, with_uid=command.is_uid))
        elif session.has_condstore:
            lines.append(selected.modseq_of(number, row, session, with_uid=command.is_uid))
    return "".join(lines).encode()


HANDLERS: Mapping[type[c.Command], Callable[[Session, Any], Awaitable[Done]]] = {m.Store: store}
