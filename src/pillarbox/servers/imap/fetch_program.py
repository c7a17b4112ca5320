"""From what a FETCH asks for to octets: which rows and parts to read, and how a line is printed.

Everything but sections of the message's octets is one format, filled from columns, and header fields that clients ask
for in lists are stored beside the message: many messages are told at the speed of joining strings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.email.imap_reading import MessageReading, StoredStretch
from pillarbox.datatypes.view import View
from pillarbox.servers.imap import fetch_parts
from pillarbox.servers.imap.chosen import Span, batches
from pillarbox.servers.imap.fetch_fields import can_choose, choice_of, stored_fields
from pillarbox.servers.imap.fetch_parts import joined, part_texts, woven
from pillarbox.servers.imap.fetch_rows import FLAGS, Chosen, Row, Source, read_rows, source_for
from pillarbox.servers.imap.selected import Selected
from pillarbox.wire.imap.fetch_item import FetchItem, Plain, Preview, Section

_OF_FLAGS = 100_000  # messages in one reading, by what is read of each
_OF_ROWS = 20_000
_OF_PARTS = 400  # a millisecond: what runs out of its time on a busy machine is read twice
_OF_HEADERS = 100
_OF_OCTETS = 20
_MOST_CHOICES = 4  # sections that are told of many messages at once
_FEW = 20  # messages whose octets are read without keeping others waiting
_MOST_OCTETS = 1_000_000  # of messages, in memory for one answer; a message more may come to it
_MOST_PRINTED = 8_000_000  # octets: flags of 100,000 messages, unless somebody has set a great many long ones
_IN_A_PIECE = 1_000  # messages whose rows are held at the same time: many more do not fit into a processor's cache
_FORMS = {
    Plain.FLAGS: "FLAGS %b",
    Plain.UID: "UID %d",
    Plain.INTERNALDATE: "INTERNALDATE %b",
    Plain.RFC822_SIZE: "RFC822.SIZE %d",
    Plain.MODSEQ: "MODSEQ (%d)",
    Plain.EMAILID: "EMAILID (%b)",
    Plain.THREADID: "THREADID (%b)",
    Plain.SAVEDATE: "SAVEDATE %b",
}


class Pending(NamedTuple):
    """An item of an email that is still to be read."""

    id: str
    item: FetchItem


Piece = bytes | StoredStretch | Pending


@dataclass(slots=True)
class Answer:
    """Untagged responses in pieces, some of which are still to be read, and the places that they leave out.

    So what waits for a client is bounded, whatever it asks for, and however slowly it reads.
    """

    pieces: list[Piece] = field(default_factory=list)
    rest: list[Span] = field(default_factory=list)
    is_whole: bool = True  # nothing is to be read
    octets: int = 0  # of messages, in memory
    printed: int = 0  # octets of responses without any


class Program:
    """One FETCH, made ready. `since`: of messages that changed after this number alone."""

    def __init__(
        self, items: Sequence[FetchItem], *, is_utf8: bool = False, is_uid_only: bool = False, since: int = 0
    ) -> None:
        self._is_utf8, self._is_uid_only, self._since = is_utf8, is_uid_only, since
        self._sections = [item for item in items if not isinstance(item, Plain)]
        plain = [item for item in items if isinstance(item, Plain) and not (is_uid_only and item is Plain.UID)]
        if self.sets_seen and Plain.FLAGS not in plain:
            plain.append(Plain.FLAGS)  # they may change by this
        is_stored = 0 < len(self._sections) <= _MOST_CHOICES and all(map(can_choose, self._sections))
        self._choices = [choice_of(item) for item in self._sections if isinstance(item, Section)] if is_stored else []
        self._parts = [item for item in plain if item in fetch_parts.ITEMS]
        self._columns = [item for item in plain if item not in fetch_parts.ITEMS]
        has_parts, has_sections = bool(self._parts or self._choices), bool(self._sections) and not is_stored
        self._source: Source = source_for(self._columns, has_parts=has_parts, has_sections=has_sections, since=since)
        self.has_failed = False  # a part could not be decoded
        self._learned: dict[str, Mapping[str, bytes]] = {}
        # The keywords that the last answer tells, a text for each set of them.
        self.words: AbstractSet[str] = frozenset()

    @property
    def sets_seen(self) -> bool:
        r"""Whether messages become \Seen by this."""
        return any(getattr(item, "is_peek", True) is False for item in self._sections)

    @property
    def reads_octets(self) -> bool:
        """Whether the messages themselves are read."""
        return not self._choices and any(not isinstance(item, Preview) for item in self._sections)

    @property
    def batch(self) -> int:
        """How many messages to read at a time."""
        if self._sections and not self._choices:
            return _OF_HEADERS if all(map(_is_short, self._sections)) else _OF_OCTETS
        return _OF_PARTS if self._parts or self._choices else _OF_FLAGS if self._source is FLAGS else _OF_ROWS

    @property
    def key(self) -> object | None:
        """What the answer depends on beside flags; None when it is not worth remembering."""
        is_short = self._source is FLAGS and not self._since
        return (tuple(self._columns), self._is_uid_only) if is_short else None

    def take_learned(self) -> Mapping[str, Mapping[str, bytes]]:
        """What should be stored beside emails, and had to be made of their octets, by id; it is forgotten here."""
        learned, self._learned = self._learned, {}
        return learned

    def run(self, view: View, selected: Selected, spans: Sequence[Span]) -> Answer:
        """The untagged responses for the messages at some places, or for the first of them when they are long."""
        self.words, answer = set(), Answer()
        # What changed since some time is found by the log, which is to be walked once.
        for piece in [spans] if self._sections or self._since else batches(spans, _IN_A_PIECE):
            if answer.printed > _MOST_PRINTED:
                answer.rest += piece
                continue
            chosen = read_rows(self._source, view, selected, piece, self._since)
            if chosen.rows:
                self._print(answer, view, selected, chosen)
        return answer

    def _print(self, answer: Answer, view: View, selected: Selected, chosen: Chosen) -> None:
        account, rows = selected.place.account, chosen.rows
        if Plain.FLAGS in self._columns and self._source.words is not None:
            at = self._source.words
            self.words |= {row[at] for row in rows}
        names = [_FORMS[item] for item in self._columns]
        values: list[Sequence[object]] = [self._source.columns[item](rows) for item in self._columns]
        if Plain.FLAGS in self._columns and selected.recent.reaches(rows[-1][0]):
            at = self._columns.index(Plain.FLAGS)
            values[at] = selected.recent.mark([row[0] for row in rows], values[at])
        texts: list[bytes] = []
        if self._parts:
            name, texts = part_texts(view, account, self._ids(rows), self._parts, is_utf8=self._is_utf8)
            names.append(f"{name} ")
        head = "UIDFETCH" if self._is_uid_only else "FETCH"
        form = f"* %d {head} ({' '.join(names)}".encode()
        if self._sections:
            form += b" " if names and not texts else b""
        elif not texts:
            form += b")\r\n"
        numbers = [row[0] for row in rows] if self._is_uid_only else chosen.numbers
        starts = [form % row for row in zip(numbers, *values, strict=True)]
        if not self._sections:
            lines = woven(starts, texts, b")\r\n") if texts else b"".join(starts)
            answer.pieces.append(lines)
            answer.printed += len(lines)
            return
        if texts:
            starts = [joined([start, text, b" "]) for start, text in zip(starts, texts, strict=True)]
        self._print_sections(answer, view, account, chosen, starts)

    def _ids(self, rows: Sequence[Row]) -> list[str]:
        item = self._source.item
        assert item is not None
        return [row[item] for row in rows]

    def _print_sections(
        self, answer: Answer, view: View, account: str, chosen: Chosen, starts: Sequence[bytes]
    ) -> None:
        ids = self._ids(chosen.rows)
        told: Sequence[bytes | None] = [None] * len(ids)
        bare: Collection[str] = ()
        if self._choices:
            told, bare = stored_fields(view, account, ids, self._choices)
            if None not in told:
                answer.pieces.append(woven(starts, told, b")\r\n"))  # type: ignore[arg-type]
                return
        unread = [id for id, text in zip(ids, told, strict=True) if text is None]
        if self._choices and len(unread) > _FEW:
            view.take_time()
        reading = MessageReading(view, account, view.get_with_deleted(EMAIL, account, unread))
        for number, id, start, text in zip(chosen.numbers, ids, starts, told, strict=True):
            if answer.octets >= _MOST_OCTETS or not answer.is_whole:
                answer.rest.append((number - 1, number))
            elif text is not None:
                answer.pieces.append(b"%b%b)\r\n" % (start, text))
                answer.octets += len(text)
            else:
                self._add_message(answer, reading, id, start)
                if id in bare and len(self._learned) < _OF_PARTS:
                    self._learned[id] = reading.header_parts(id)
        self.has_failed |= reading.has_failed

    def _add_message(self, answer: Answer, reading: MessageReading, id: str, before: bytes) -> None:
        for item in self._sections:
            stretch = reading.stored_stretch(id, item)
            if stretch is not None:
                head = b"%b%b {%d}\r\n" % (before, stretch.name, stretch.end - stretch.start)
                answer.pieces += [head, stretch]
                answer.is_whole = False
            elif answer.octets > _MOST_OCTETS:  # one message, many times
                answer.pieces += [before, Pending(id, item)]
                answer.is_whole = False
            else:
                told = reading.answer(id, item, is_utf8=self._is_utf8)
                answer.pieces += [before, told]
                answer.octets += len(told)
            before = b" "
        answer.pieces.append(b")\r\n")

    def read(self, view: View, account: str, pending: Pending) -> bytes:
        """What an answer has left to be read. Raises Fault when it is gone."""
        reading = MessageReading(view, account, view.get_with_deleted(EMAIL, account, [pending.id]))
        told = reading.answer(pending.id, pending.item, is_utf8=self._is_utf8)
        self.has_failed |= reading.has_failed
        return told


def _is_short(item: FetchItem) -> bool:
    """Whether it is about a header, or made of one."""
    return isinstance(item, Preview) or (isinstance(item, Section) and item.what not in ("", "TEXT"))
