"""Searches for what stands in a message's row, answered by a ledger (RFC 9051 §6.4.4; RFC 5032).

What a key finds is a number with an octet for each message, 1 or 0: keys of keys are one operation on such numbers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import compress
from typing import NamedTuple

from pillarbox.servers.imap.day import DAY_MS, start_of
from pillarbox.servers.imap.flag import DELETED, keyword_of
from pillarbox.servers.imap.flag_column import FlagColumn
from pillarbox.servers.imap.image import Uids
from pillarbox.servers.imap.ledger import Ledger
from pillarbox.servers.imap.ranked import Ranked
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import is_whole

_MOST_KEYS = 100  # that a ledger is asked; a program with more is the store's
_LONG = 16  # runs of messages that are found, or not, are cut out when they are longer
_JOINING = (k.Every, k.Either, k.Not, k.Fuzzy)
Ranges = Sequence[tuple[int, int]]  # of uids: the first, and the one after the last


def is_of_rows(key: k.SearchKey) -> bool:
    """Whether a ledger can answer the whole program."""
    keys = [one for one in k.all_keys(key) if not isinstance(one, _JOINING)]
    return 0 < len(keys) <= _MOST_KEYS and all(map(_is_of_row, keys)) and not all(map(_is_of_all, keys))


def _is_of_all(key: k.SearchKey) -> bool:
    return isinstance(key, k.SaveDateSupported) or (isinstance(key, k.Numbers) and is_whole(key.set))


def _is_of_row(key: k.SearchKey) -> bool:
    match key:
        case k.HasFlag() | k.Within() | k.Sized() | k.Recent() | k.SaveDateSupported():
            return True
        case k.Dated(which):
            return which == "internal"
        case k.Numbers(numbers):
            return not numbers.is_saved
        case _:
            return False


class RowSearch(NamedTuple):
    """A search at a time, in ms; `ranges_of` tells of a key for numbers which ranges of UIDs it is."""

    ledger: Ledger
    now_ms: int
    ranges_of: Callable[[k.Numbers | k.Recent], Ranges]

    def run(self, key: k.SearchKey) -> Uids | None:
        """The UIDs that are found, rising; None when the ledger has no flags, which are asked for."""
        uids = self.ledger.uids
        flags = self.ledger.flags
        if flags is None and any(isinstance(one, k.HasFlag) for one in k.all_keys(key)):
            return None
        return _chosen(uids, self._mask(key).to_bytes(len(uids), "little"))

    def _mask(self, key: k.SearchKey) -> int:
        match key:
            case k.Every(keys):
                mask = self._all
                for one in keys:
                    mask &= self._mask(one)
                return mask
            case k.Either(first, second):
                return self._mask(first) | self._mask(second)
            case k.Not(inner):
                return self._all ^ self._mask(inner)
            case k.Fuzzy(inner):
                return self._mask(inner)
            case k.SaveDateSupported():
                return self._all
            case k.Numbers(numbers) if is_whole(numbers):
                return self._all
            case k.Dated(_, "=", day):  # since it began, and not since the next one
                start, column = start_of(day), self.ledger.received
                return _number(column.at_least(start)) ^ _number(column.at_least(start + DAY_MS))
            case _:
                return _number(self._octets(key))

    @property
    def _all(self) -> int:
        return _number(b"\1" * len(self.ledger.uids))

    def _octets(self, key: k.SearchKey) -> bytes | bytearray:
        ledger = self.ledger
        match key:
            case k.HasFlag(flag):
                assert ledger.flags is not None
                return _flagged(ledger.flags, flag, len(ledger.uids))
            case k.Dated(_, relation, day):
                start = start_of(day)
                return _below(ledger.received, start) if relation == "<" else ledger.received.at_least(start)
            case k.Within(is_older, seconds):
                # RFC 5032 §3: of just that age a message is both.
                limit = self.now_ms - seconds * 1000
                return _below(ledger.received, limit + 1) if is_older else ledger.received.at_least(limit)
            case k.Sized(is_larger, octets):
                return ledger.sizes.at_least(octets + 1) if is_larger else _below(ledger.sizes, octets)
            case k.Numbers() | k.Recent():
                return _within(ledger.uids, self.ranges_of(key))
            case _:
                raise AssertionError(key)


def _chosen(uids: Uids, found: bytes) -> Uids:
    """The UIDs where there is a 1."""
    runs = found.count(b"\0\1") + 1
    if runs * _LONG > len(found):
        return array("I", list(compress(uids, found)))  # a list is faster made an array than what gives one by one
    out, end = array("I"), 0
    while (start := found.find(1, end)) >= 0:
        end = found.find(0, start)
        end = end if end >= 0 else len(found)
        out.extend(uids[start:end])
    return out


_OTHER = b"\1\0" + bytes(254)  # the table that makes 1 of 0


def _number(octets: bytes | bytearray) -> int:
    return int.from_bytes(octets, "little")


def _below(column: Ranked, limit: int) -> bytes | bytearray:
    return column.at_least(limit).translate(_OTHER)


def _flagged(flags: FlagColumn, flag: str, count: int) -> bytes:
    if flag.lower() == DELETED:
        return flags.deleted()
    keyword = keyword_of(flag)
    return flags.with_word(keyword) if keyword is not None else bytes(count)


def _within(uids: Uids, ranges: Ranges) -> bytearray:
    out = bytearray(len(uids))
    for first, before in ranges:
        start, end = bisect_left(uids, first), bisect_left(uids, before)
        out[start:end] = b"\1" * (end - start)
    return out
