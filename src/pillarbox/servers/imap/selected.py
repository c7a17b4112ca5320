"""A mailbox as one session has it open: what the client was told of it, and how it is told what has changed.

RFC 9051 §2.3.1 (message numbers), §7.4, §7.5.1; RFC 7162 §3.2.10 (VANISHED); RFC 9586 (UIDONLY).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.membership import Container, Membership
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.context import Contexts
from pillarbox.servers.imap.done import Ended, no
from pillarbox.servers.imap.flag import mailbox_flags
from pillarbox.servers.imap.image import Image, Images, Uids, without
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.recent import Recent, Recents, marked
from pillarbox.wire.imap.response import flags
from pillarbox.wire.imap.sequence_set import SequenceSet, to_set


class Speech(Protocol):
    """In which terms a client wants to be told."""

    @property
    def has_condstore(self) -> bool: ...
    @property
    def has_qresync(self) -> bool: ...
    @property
    def is_uid_only(self) -> bool: ...


class News(NamedTuple):
    """What has changed since the client was told last."""

    image: Image | None = None  # None: nothing has
    gone: Sequence[int] = ()
    rows: Sequence[Membership] = ()
    is_gone: bool = False  # the mailbox itself
    first_recent: int = 0  # as the store has it


class Selected:
    """Message numbers are places in `uids`, which changes only when the client is told."""

    def __init__(self, place: Place, image: Image, *, is_read_only: bool) -> None:
        self.place, self.is_read_only = place, is_read_only
        self.uids: Uids = image.uids
        self.uid_validity = image.uid_validity
        self.keywords = image.keywords
        self.uid_next = image.uid_next
        self.modseq = image.modseq
        self.recent = Recent()
        self.has_taken_recent = False  # which is to be written down when the mailbox is left
        self._recents: Recents | None = None  # None: no message is recent to this session
        self._recent_told = 0
        self.saved: Sequence[int] = ()  # the UIDs of `$` (RFC 5182)
        self.contexts: Contexts = {}  # results that are kept up to date, by tag
        # (uid, modseq) of changes that the client made, and knows of or asked not to hear of.
        self.own: set[tuple[int, int]] = set()
        self.made: set[int] = set()  # UIDs of new messages that this client has put here itself
        self._owed: Sequence[int] = ()  # removals that may not be told yet
        self.has_looked = False  # the command that is being carried out has seen that there is nothing else to tell

    def need_writing(self) -> None:
        """Raises Ended where nothing may be changed: NOPERM for want of a right, CANNOT after EXAMINE (RFC 5530 §3)."""
        if self.place.access.is_read_only:
            raise Ended(no("You may only read in that account", "NOPERM"))
        if self.is_read_only:
            raise Ended(no("The mailbox is open for reading only", "CANNOT"))

    # --- what is new to everybody

    async def begin_recent(self, recents: Recents, written: int) -> None:
        """Take what is recent, where the store has this uid; opened for reading it stays so for others."""
        self._recents = recents
        first = recents.first(self.place, written)
        if not self.is_read_only and first < self.uid_next:
            recents.take(self.place, self.uid_next)
            first = max(first, await recents.write(self.place, self.uid_next))  # another process was faster
        self.recent.add(first, self.uid_next)

    def _take_recent(self, image: Image, written: int) -> None:
        if self._recents is not None:
            first = max(self._recents.first(self.place, written), self.uid_next)
            self.recent.add(first, image.uid_next)
            if not self.is_read_only and first < image.uid_next:
                self._recents.take(self.place, image.uid_next)
                self.has_taken_recent = True

    def recent_line(self) -> bytes:
        """The untagged RECENT."""
        self._recent_told = self.recent.count(self.uids)
        return f"* {self._recent_told} RECENT\r\n".encode()

    def _recent_news(self, *, is_asked: bool = False) -> bytes:
        """The same if it is another number than before, as after EXPUNGE, or it goes with EXISTS."""
        is_news = self._recents is not None and (is_asked or self.recent.count(self.uids) != self._recent_told)
        return self.recent_line() if is_news else b""

    # --- numbers

    def number_of(self, uid: int) -> int | None:
        """The message number of a UID, None when the client knows no such message."""
        at = bisect_left(self.uids, uid)
        return at + 1 if at < len(self.uids) and self.uids[at] == uid else None

    def spans(self, numbers: SequenceSet, *, is_uid: bool) -> list[tuple[int, int]]:
        """The messages of a set as ranges of places in `uids`, (start, before), rising. Raises IndexError.

        A message number that is not there is an error of the client; a UID that is not there is none
        (RFC 9051 §6.4.9).
        """
        uids, out = self.uids, []
        if numbers.is_saved:
            return self.spans_of(self.saved)
        if is_uid:
            for first, last in numbers.bounded(uids[-1] if uids else 0):
                start, before = bisect_left(uids, first), bisect_left(uids, last + 1)
                if start < before:
                    out.append((start, before))
            return out
        for first, last in numbers.bounded(len(uids)):
            if first < 1 or last > len(uids):
                raise IndexError(last)
            out.append((first - 1, last))
        return out

    def spans_of(self, uids: Sequence[int]) -> list[tuple[int, int]]:
        """The places of UIDs, in the same form; a UID that is not there is passed over."""
        out: list[tuple[int, int]] = []
        for uid in uids:
            at = bisect_left(self.uids, uid)
            if at < len(self.uids) and self.uids[at] == uid:
                if out and out[-1][1] == at:
                    out[-1] = (out[-1][0], at + 1)
                else:
                    out.append((at, at + 1))
        return out

    # --- what has changed

    def state(self, view: View) -> Container | None:
        """The numbers of the mailbox; None when it is gone."""
        try:
            return view.container(self.place.account, self.place.id)
        except Fault as fault:
            if fault.kind is not Kind.NOT_FOUND:
                raise
            return None

    def look(self, view: View, images: Images) -> News:
        """What has changed by now; nothing is told yet."""
        state = self.state(view)
        return News(is_gone=True) if state is None else self.look_at(view, images, state)

    def look_at(self, view: View, images: Images, state: Container) -> News:
        """The same, the mailbox having these numbers."""
        account, id = self.place.account, self.place.id
        if self.stands_at(state):
            return News()
        image = images.now(view, account, id, state)
        if (step := image.changes(self.modseq)) is not None:
            return News(image, step.gone, step.rows, first_recent=state.first_recent)
        if (changed := view.changed_members(account, id, self.modseq)) is not None:
            return News(image, changed[1], changed[0], first_recent=state.first_recent)
        if self.modseq >= view.known_since(account):
            gone: Sequence[int] = view.removed_uids(account, id, self.modseq)
        else:  # nobody knows any more what was removed since: it is not there
            there = set(image.uids)
            gone = [uid for uid in self.uids if uid not in there]
        rows = view.memberships(account, id, since=self.modseq)
        return News(image, gone, rows, first_recent=state.first_recent)

    def stands_at(self, state: Container) -> bool:
        """Whether the client has been told of all up to this state."""
        return (state.modseq, state.uid_next) == (self.modseq, self.uid_next)

    def has_changed(self, number: int) -> None:
        """The command has changed messages, and told so; nothing else was to be told when its change was made.

        `number`: that of the change, 0 when there was none.
        """
        self.modseq = number or self.modseq
        self.own.clear()
        self.has_looked = True

    def needs_look(self, *, may_expunge: bool) -> bool:
        """Whether there may be something to tell at the end of a command."""
        had_looked, self.has_looked = self.has_looked, False
        return not had_looked or (may_expunge and bool(self._owed))

    def take(self, news: News, speech: Speech, *, may_expunge: bool, with_flags: bool = True) -> Iterator[bytes]:
        """Take what has changed as known; yields what the client is told of it, with changes of flags if it wants."""
        image = news.image
        if image is None and not (self._owed and may_expunge):
            return
        gone = sorted({*self._owed, *news.gone}) if self._owed else news.gone
        known_gone = [uid for uid in gone if uid < self.uid_next and self.number_of(uid) is not None]
        self._owed = () if may_expunge else known_gone
        if may_expunge and known_gone:
            yield from self._expunge(known_gone, speech)
        if image is None:
            yield self._recent_news()
            return
        self._take_recent(image, news.first_recent)
        yield from self._grow(image, may_expunge=may_expunge)
        changed = self._changed(news.rows, speech)
        self.modseq, self.uid_next = image.modseq, image.uid_next
        line = self.learn(image.keywords)
        if with_flags:
            yield line
            yield changed

    def learn(self, keywords: Iterable[str]) -> bytes:
        """Take keywords as used here; the untagged FLAGS if the client has not been told of all of them.

        It has to come before a FETCH that tells them (RFC 9051 §7.3.5).
        """
        new = self.keywords.union(keywords)
        if len(new) == len(self.keywords):
            return b""
        before, self.keywords = self.flags_line(), new
        after = self.flags_line()
        return after if after != before else b""

    def flags_line(self) -> bytes:
        """The untagged FLAGS of this mailbox."""
        return f"* FLAGS ({mailbox_flags(self.keywords)})\r\n".encode()

    def _expunge(self, gone: Sequence[int], speech: Speech) -> Iterator[bytes]:
        if speech.has_qresync or speech.is_uid_only:
            yield f"* VANISHED {to_set(gone)}\r\n".encode()
        else:
            # From the highest down, so that no number moves before it is told.
            numbers = [self.number_of(uid) or 0 for uid in reversed(gone)]
            yield "".join([f"* {number} EXPUNGE\r\n" for number in numbers]).encode()
        self.uids = without(self.uids, gone)

    def _grow(self, image: Image, *, may_expunge: bool) -> Iterator[bytes]:
        before = len(self.uids)
        if may_expunge or not self._owed:
            self.uids, grew = image.uids, len(image.uids) != before
        else:
            new = image.uids[bisect_left(image.uids, self.uid_next) :]
            grew = bool(new)
            if new:
                self.uids = array("I", self.uids)
                self.uids.extend(new)
        if grew:
            yield f"* {len(self.uids)} EXISTS\r\n".encode()
        yield self._recent_news(is_asked=grew)

    def _changed(self, rows: Sequence[Membership], speech: Speech) -> bytes:
        known, lines = self.own, []
        for row in rows:
            if row.uid >= self.uid_next or (row.uid, row.modseq) in known:
                continue  # what is new is asked for anyway
            if (number := self.number_of(row.uid)) is not None:
                lines.append(self.flags_of(number, row, speech))
        known.clear()
        return "".join(lines).encode()

    def flags_of(self, number: int, row: Membership, speech: Speech, *, with_uid: bool = True) -> str:
        """The untagged FETCH with the flags of a message, and its modseq for who wants it."""
        text = flags(row.words, is_deleted=bool(row.is_deleted))
        text = marked(text) if self.recent.holds(row.uid) else text
        tail = f" MODSEQ ({row.modseq})" if speech.has_condstore else ""
        return self._line(number, row, f"FLAGS {text}{tail}", speech, with_uid=with_uid)

    def modseq_of(self, number: int, row: Membership, speech: Speech, *, with_uid: bool) -> str:
        """The untagged FETCH with a message's modseq alone."""
        return self._line(number, row, f"MODSEQ ({row.modseq})", speech, with_uid=with_uid)

    def _line(self, number: int, row: Membership, items: str, speech: Speech, *, with_uid: bool) -> str:
        if speech.is_uid_only:
            return f"* {row.uid} UIDFETCH ({items})\r\n"
        # RFC 7162 §3.2.4: who enabled QRESYNC is always told the UID.
        uid = f"UID {row.uid} " if with_uid or speech.has_qresync else ""
        return f"* {number} FETCH ({uid}{items})\r\n"
