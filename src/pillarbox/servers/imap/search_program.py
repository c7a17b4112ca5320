r"""From a search program to the UIDs of the messages that it finds (RFC 9051 §6.4.4 and extensions).

A ledger answers a program that asks of flags, arrivals and sizes alone. Else a key becomes a condition, of which the
store makes SQL, or a set of UIDs, where columns or lists of words answer. Sets are joined as sets; at last one
statement asks for all that is left, of those that the sets have found.
What is found where is told in docs/topics/search.md.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property
from itertools import compress
from typing import NamedTuple

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.view import View
from pillarbox.formats.message.collation import search_key
from pillarbox.servers.imap.column import IDS, SENT_DAY, TEXTS
from pillarbox.servers.imap.concordances import Concordances
from pillarbox.servers.imap.day import are_so, dated
from pillarbox.servers.imap.flag import condition_of, within
from pillarbox.servers.imap.image import Image, Uids
from pillarbox.servers.imap.ledger import Ledgers
from pillarbox.servers.imap.row_search import Ranges, RowSearch, is_of_rows
from pillarbox.servers.imap.sheet import MOST_ROWS, Sheet, Sheets
from pillarbox.servers.imap.text_search import TextSearch, as_phrase, too_much
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import is_whole

Part = frozenset[int] | c.Condition
_ALL, _NONE = c.Every(()), c.Some(())
_INDEX = {"from": "sender", "to": "recipient", "cc": "cc", "bcc": "bcc", "subject": "subject", "body": "body"}
_READ_TOGETHER = ("from", "to", "cc", "bcc", "subject")
_FEW_RANGES = 20
# A program that looks at more runs in a thread from the start.
_QUICK_MESSAGES, _QUICK_KEYS = 20_000, 20
# What one program may cost; more is refused, for nobody's search shall keep others waiting.
_MOST_TESTS = 40_000_000  # rows times keys
_MOST_WORDS = 100  # keys that look for words
_MOST_FIELDS = 10  # keys for which messages themselves are read


class Scene(NamedTuple):
    """Where is searched: a mailbox as the view sees it.

    `known` gives message numbers a meaning, `saved` is `$`; in `recent` are the ranges of uids that are so.
    """

    account: str
    mailbox: str
    image: Image
    sheets: Sheets
    concordances: Concordances
    ledgers: Ledgers
    known: Uids = ()
    saved: Sequence[int] = ()
    recent: Sequence[tuple[int, int]] = ()


class Search:
    """One search in one mailbox."""

    def __init__(self, view: View, scene: Scene) -> None:
        self._view, self._scene = view, scene
        self._found: dict[object, frozenset[int]] = {}
        self._tests = self._words = self._fields = 0
        self._texts = TextSearch(view, scene.account, scene.mailbox, scene.image, scene.concordances)
        # Of each FUZZY text what was found as it is written: it is the most relevant.
        self.exact: list[frozenset[int]] = []

    def run(self, key: k.SearchKey) -> Uids:
        """The UIDs that are found, rising. Raises REQUEST_TOO_LARGE for a program that would take too long."""
        if len(self._scene.image.uids) > _QUICK_MESSAGES or len(list(k.all_keys(key))) > _QUICK_KEYS:
            self._view.take_time()
        if is_of_rows(key) and (found := self._by_ledger(key)) is not None:
            return found
        part = self._part(key)
        if part == _ALL:
            return self._scene.image.uids
        return sorted(part) if isinstance(part, frozenset) else self._select(part)

    @property
    def is_whole(self) -> bool:
        """Whether it will find the same next time: part of a large mailbox may have been searched in another way."""
        return self._texts.is_whole

    def _select(self, where: c.Condition) -> list[int]:
        scene = self._scene
        return self._view.select_uids(EMAIL, scene.account, scene.mailbox, where)

    def _by_ledger(self, key: k.SearchKey) -> Uids | None:
        scene = self._scene
        ledger = scene.ledgers.of(self._view, scene.account, scene.mailbox, scene.image)
        return RowSearch(ledger, self._view.now_ms, self._ranges).run(key) if ledger is not None else None

    # --- keys of keys

    def _part(self, key: k.SearchKey) -> Part:
        match key:
            case k.Every(keys):
                return self._every([self._part(one) for one in keys])
            case k.Either(first, second):
                return _either(self._part(first), self._part(second))
            case k.Not(inner):
                part = self._part(inner)
                if isinstance(part, frozenset):
                    return self._all - part
                return c.Nothing((part,))
            case k.Fuzzy(k.Text(place, text)) if search_key(text):
                return self._remembered(key, lambda: self._like(place, text))
            case k.Fuzzy(inner):
                return self._part(inner)
            case k.Text() | k.Header() | k.Dated(which="sent"):
                return self._of_content(key)
            case _:
                return self._of_row(key)

    def _every(self, parts: Sequence[Part]) -> Part:
        sets = [part for part in parts if isinstance(part, frozenset)]
        conditions = tuple(part for part in parts if not isinstance(part, frozenset) and part != _ALL)
        if not sets:
            return conditions[0] if len(conditions) == 1 else c.Every(conditions)
        found = frozenset.intersection(*sets)
        return c.Every((_as_condition(found), *conditions)) if found and conditions else found

    # --- what stands in a message's row

    def _of_row(self, key: k.SearchKey) -> Part:
        self._tests += 1
        if self._tests * len(self._scene.image.uids) > _MOST_TESTS:
            raise too_much()
        match key:
            case k.Numbers():
                return self._numbers(key)
            case k.HasFlag(flag):
                return condition_of(flag)
            case k.Dated(which, relation, day):
                return dated("saved_at" if which == "saved" else "received_at", relation, day)
            case k.Within(is_older, seconds):
                # RFC 5032 §3: of just that age a message is both.
                limit = self._view.now_ms - seconds * 1000
                return c.Compare("received_at", "<=" if is_older else ">=", limit)
            case k.Sized(is_larger, octets):
                return c.Compare("size", ">" if is_larger else "<", octets)
            case k.ModSeq(modseq):
                return c.Compare("modseq", ">=", modseq)
            case k.ObjectId(which, id):
                return c.Compare("id" if which == "email" else "thread_id", "=", id)
            case k.SaveDateSupported():
                return _ALL
            case k.Recent():
                return within(self._scene.recent)
            case _:
                raise AssertionError(key)

    def _numbers(self, key: k.Numbers) -> Part:
        if key.set.is_saved:
            return self._all.intersection(self._scene.saved)
        if is_whole(key.set):
            return _ALL
        ranges, there = self._ranges(key), self._scene.image.uids
        if len(ranges) <= _FEW_RANGES:
            return within(ranges)
        places = [(bisect_left(there, first), bisect_left(there, before)) for first, before in ranges]
        return frozenset(uid for start, end in places for uid in there[start:end])

    def _ranges(self, key: k.Numbers | k.Recent) -> Ranges:
        known = self._scene.known
        if isinstance(key, k.Recent):
            return self._scene.recent
        if key.is_uid:
            uids = known or self._scene.image.uids
            return [(first, last + 1) for first, last in key.set.bounded(uids[-1] if uids else 0)]
        # A number that is too high names nothing: RFC 9051 §6.4.4 lets a search for it end well.
        pairs = [(max(first, 1), min(last, len(known))) for first, last in key.set.bounded(len(known))]
        return [(known[first - 1], known[last - 1] + 1) for first, last in pairs if first <= last]

    # --- what stands in the message

    def _of_content(self, key: k.SearchKey) -> Part:
        match key:
            case k.Text(place, text) if not search_key(text):
                return _ALL  # the empty text is in every text, even where there is none
            case k.Text("text" | "body" as place, text):
                return self._remembered(key, lambda: self._pieces(place, text))
            case k.Text(place, text):
                return self._remembered(key, lambda: self._in_fields((place,), text))
            case k.Header(name, text) if name.lower() in TEXTS:
                return self._listed(name.lower(), text)
            case k.Header(name, text):
                self._fields += 1
                if self._fields > _MOST_FIELDS:
                    raise too_much()
                return c.HeaderIs(name, text or None)
            case k.Dated(_, relation, day):
                return self._remembered(key, lambda: self._sent(relation, day))
            case _:
                raise AssertionError(key)

    def _remembered(self, key: object, find: Callable[[], Iterable[int]]) -> frozenset[int]:
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = frozenset(find())
        return found

    def _pieces(self, place: str, text: str) -> Iterable[int]:
        """TEXT and BODY: any piece of what can be read; in a vast mailbox words of it."""
        self._count_words()
        if self._is_vast:
            return self._by_words(place, text)
        return self._texts.find(place, text, lambda: self._by_words(place, text))

    def _by_words(self, place: str, text: str) -> set[int]:
        """Words of the body, or wherever they are indexed, and any piece of the fields that a reader sees."""
        found = set(self._indexed(() if place == "text" else (_INDEX[place],), as_phrase(text)))
        if place == "text" and not self._is_vast:
            found.update(self._in_fields(_READ_TOGETHER, text))
        return found

    def _indexed(self, columns: tuple[str, ...], words: str) -> list[int]:
        self._count_words()
        return self._select(c.Matches(columns, words))

    def _count_words(self) -> None:
        self._words += 1
        if self._words > _MOST_WORDS:
            raise too_much()

    def _like(self, place: str, text: str) -> frozenset[int]:
        """FUZZY: all the words of the text, in any order."""
        exact = self._part(k.Text(place, text))
        assert isinstance(exact, frozenset)
        self.exact.append(exact)
        words = " ".join(as_phrase(word) for word in text.split())
        return exact.union(self._indexed((_INDEX[place],) if place in _INDEX else (), words))

    @cached_property
    def _all(self) -> frozenset[int]:
        return frozenset(self._scene.image.uids)

    @property
    def _is_vast(self) -> bool:
        return len(self._scene.image.uids) > MOST_ROWS

    def _sheet(self, *names: str) -> Sheet:
        scene = self._scene
        return scene.sheets.of(self._view, scene.account, scene.mailbox, scene.image, names)

    def _in_fields(self, names: Sequence[str], text: str) -> Iterable[int]:
        """Any piece of a field; in a vast mailbox words of it."""
        if self._is_vast and names[0] in _INDEX:
            return self._indexed((_INDEX[names[0]],), as_phrase(text))
        sheet, needle = self._sheet(*names), search_key(text).encode("utf-8", "replace")
        rows = {row for name in names for row in sheet.texts[name].rows(needle)}
        return self._there(sheet, [sheet.uids[row] for row in rows])

    def _listed(self, name: str, text: str) -> Part:
        """HEADER with a field that stands in the listing; without a text: that is there."""
        found = self._remembered((name, text), lambda: self._in_fields((name,), text))
        if name not in IDS or search_key(text):
            return found
        # Whether the field is there, with nothing in it that could be read as an id, only the message tells.
        rest = sorted(self._all - found)
        if not rest:
            return found
        field = c.HeaderIs(name, None)
        return self._remembered(name, lambda: found.union(self._select(c.Every((_uids(rest), field)))))

    def _sent(self, relation: str, day: date) -> list[int]:
        sheet = self._sheet(SENT_DAY)
        return self._there(sheet, list(compress(sheet.uids, are_so(sheet.values[SENT_DAY], relation, day))))

    def _there(self, sheet: Sheet, uids: list[int]) -> list[int]:
        """Those that are in the mailbox still."""
        return uids if sheet.has_only(self._scene.image) else [uid for uid in uids if uid in self._all]


def _either(one: Part, other: Part) -> Part:
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    parts = [part.parts if isinstance(part, c.Some) else (part,) for part in map(_as_condition, (one, other))]
    return c.Some((*parts[0], *parts[1]))


def _as_condition(part: Part) -> c.Condition:
    return _uids(sorted(part)) if isinstance(part, frozenset) else part


def _uids(uids: Sequence[int]) -> c.Condition:
    return c.NumberIn("uid", tuple(uids)) if uids else _NONE
