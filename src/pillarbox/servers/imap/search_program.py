r"""From a search program to the UIDs of the messages that it finds (RFC 9051 §6.4.4 and extensions).

What stands in a message's row (flags, sizes, days, numbers, ids) is tested here; where words stand, the text index
says. So text finds words, and beginnings of words, rather than any piece of one: RFC 9051 §6.4.4 allows a server to
search "in any way it likes"; what is found by an index is found at once in any number of messages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime

from pillarbox.datatypes import condition as c
from pillarbox.datatypes.email.declaration import EMAIL
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.flag import DELETED, keyword_of
from pillarbox.servers.imap.image import Uids
from pillarbox.servers.imap.sent_date import sent_uids
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import SequenceSet

Test = Callable[[Membership], bool]
_DAY_MS = 86_400_000
_COLUMNS = {"from": "sender", "to": "recipient", "cc": "cc", "bcc": "bcc", "subject": "subject", "body": "body"}
_OF_HEADERS = {"from": "from", "to": "to", "cc": "cc", "bcc": "bcc", "subject": "subject"}
_FEW = 2_000  # rows that are read one by one rather than with the whole mailbox


class Search:
    """One search in one mailbox."""

    def __init__(self, view: View, account: str, mailbox: str, *, known: Uids = (), saved: Sequence[int] = ()) -> None:
        """`known` gives message numbers a meaning, `saved` is `$`."""
        self._view, self._account, self._mailbox = view, account, mailbox
        self._known, self._saved = known, saved

    def run(self, key: k.SearchKey) -> list[int]:
        """The UIDs that are found, rising."""
        keys = key.keys if isinstance(key, k.Every) else (key,)
        sets = [self._indexed(one) for one in keys if self._is_indexed(one)]
        tests = [self._test(one) for one in keys if not self._is_indexed(one)]
        if sets:
            found = sorted(frozenset.intersection(*map(frozenset, sets)))
            if not tests:
                return found
            rows: Iterable[Membership] = self._rows(found)
        elif not tests:
            return self._view.uids(self._account, self._mailbox)
        else:
            rows = self._view.memberships(self._account, self._mailbox)
        return [row.uid for row in rows if all(test(row) for test in tests)]

    def _rows(self, uids: Sequence[int]) -> Iterable[Membership]:
        if len(uids) <= _FEW:
            return self._view.memberships_of(self._account, self._mailbox, uids)
        wanted = frozenset(uids)
        return (row for row in self._view.memberships(self._account, self._mailbox) if row.uid in wanted)

    # --- what an index answers

    @staticmethod
    def _is_indexed(key: k.SearchKey) -> bool:
        if isinstance(key, k.Fuzzy):
            return Search._is_indexed(key.key)
        return isinstance(key, k.Text | k.Header) or (isinstance(key, k.Dated) and key.which == "sent")

    def _indexed(self, key: k.SearchKey) -> AbstractSet[int]:
        match key:
            case k.Fuzzy(inner):
                return self._indexed(inner)
            case k.Text(place, text):
                return self._matching(c.Matches((_COLUMNS[place],) if place != "text" else (), as_phrase(text)), text)
            case k.Header(name, text) if name.lower() in _OF_HEADERS and text:
                return self._indexed(k.Text(name.lower(), text))
            case k.Header(name, text):
                where = EMAIL.rules.refine(self._view, self._account, c.HeaderIs(name, text or None))
                return self._select(where)
            case k.Dated(_, relation, day):
                return sent_uids(self._view, self._account, self._mailbox, relation, day)
            case _:
                raise AssertionError(key)

    def _matching(self, where: c.Matches, text: str) -> AbstractSet[int]:
        if not text.strip():  # the empty string is in every text
            return frozenset(self._view.uids(self._account, self._mailbox))
        return self._select(where)

    def _select(self, where: c.Condition) -> AbstractSet[int]:
        return frozenset(self._view.select_uids(EMAIL, self._account, self._mailbox, where))

    # --- what a row answers

    def _test(self, key: k.SearchKey) -> Test:
        if self._is_indexed(key):
            found = self._indexed(key)
            return lambda row: row.uid in found
        match key:
            case k.Every(keys):
                tests = [self._test(one) for one in keys]
                return lambda row: all(test(row) for test in tests)
            case k.Either(first, second):
                one, other = self._test(first), self._test(second)
                return lambda row: one(row) or other(row)
            case k.Not(inner) | k.Fuzzy(inner):
                test = self._test(inner)
                return test if isinstance(key, k.Fuzzy) else lambda row: not test(row)
            case k.Numbers(numbers, is_uid):
                return self._numbers(numbers, is_uid=is_uid)
            case k.HasFlag(flag):
                return has_flag(flag)
            case k.Dated(which, relation, day):
                return _dated(which, relation, _midnight(day))
            case _:
                return self._simple(key)

    def _simple(self, key: k.SearchKey) -> Test:
        match key:
            case k.Recent():
                return lambda _: False
            case k.SaveDateSupported():
                return lambda _: True
            case k.Within(is_older, seconds):
                limit = self._view.now_ms - seconds * 1000
                return (lambda row: row.sort_key <= limit) if is_older else (lambda row: row.sort_key >= limit)
            case k.Sized(is_larger, octets):
                return (lambda row: row.size > octets) if is_larger else (lambda row: row.size < octets)
            case k.ModSeq(modseq):
                return lambda row: row.modseq >= modseq
            case k.ObjectId("email", id):
                return lambda row: row.item == id
            case k.ObjectId(_, id):
                return lambda row: row.group_id == id
            case _:
                raise AssertionError(key)

    def _numbers(self, numbers: SequenceSet, *, is_uid: bool) -> Test:
        if numbers.is_saved:
            saved = frozenset(self._saved)
            return lambda row: row.uid in saved
        if is_uid:
            uids = self._known or self._view.uids(self._account, self._mailbox)
            ranges = numbers.bounded(uids[-1] if uids else 0)
        else:
            count = len(self._known)
            pairs = [(first, min(last, count)) for first, last in numbers.bounded(count) if 0 < first <= count]
            ranges = [(self._known[first - 1], self._known[last - 1]) for first, last in pairs]
        starts, ends = [first for first, _ in ranges], [last for _, last in ranges]

        def test(row: Membership) -> bool:
            at = bisect_right(starts, row.uid) - 1
            return at >= 0 and row.uid <= ends[at]

        return test


def has_flag(flag: str) -> Test:
    """A test for a flag as it is written on the wire."""
    if flag.lower() == DELETED:
        return lambda row: bool(row.is_deleted)
    keyword = keyword_of(flag)
    if keyword is None:
        return lambda _: False
    word = f" {keyword} "
    return lambda row: word in row.words


def as_phrase(text: str) -> str:
    """The text as the text index takes it: words in this order, of which the last may be the beginning of one."""
    plain = text.replace("\\", " ").replace('"', " ").strip()
    return f'"{plain}"*'


def _midnight(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp() * 1000)


def _dated(which: str, relation: str, start: int) -> Test:
    end = start + _DAY_MS
    column = 7 if which == "saved" else 5  # saved_at, sort_key
    if relation == "<":
        return lambda row: row[column] < start  # type: ignore[operator]
    if relation == "=":
        return lambda row: start <= row[column] < end  # type: ignore[operator]
    return lambda row: row[column] >= start  # type: ignore[operator]
