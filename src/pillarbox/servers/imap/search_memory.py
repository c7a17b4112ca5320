"""What a process remembers of searches: results, for as long as a mailbox stays what it is, and headers."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from pillarbox.core.shelf import Shelves
from pillarbox.servers.imap.concordances import Concordances
from pillarbox.servers.imap.image import Image, Uids
from pillarbox.servers.imap.ledger import Ledgers
from pillarbox.servers.imap.sheet import Sheets
from pillarbox.storage.result_cache import ResultCache
from pillarbox.wire.imap import search_key as k
from pillarbox.wire.imap.sequence_set import is_whole

T = TypeVar("T", bound=Sequence[int])
_NUMBER_OCTETS = 4  # in an array
# A program is as long as a client likes: only what is short is kept as the name of its result.
_MOST_KEYS = 20
_MOST_CHARACTERS = 500


class SearchMemory:
    """The memory for searches that the sessions of a process share."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        shelves = shelves or Shelves()
        self.sheets, self.concordances, self.ledgers = Sheets(shelves), Concordances(shelves), Ledgers(shelves)
        self._found: ResultCache[int] = ResultCache(shelves, "searches", _NUMBER_OCTETS)
        self._orders: ResultCache[int] = ResultCache(shelves, "orders", _NUMBER_OCTETS)
        self._threads: ResultCache[int] = ResultCache(shelves, "threads", 1)

    def found(
        self, place: tuple[str, str], image: Image, key: k.SearchKey, find: Callable[[], tuple[Uids, bool]]
    ) -> Uids:
        """What a program finds in a mailbox as it is; `find` says, too, whether that will be the same next time."""
        if not is_lasting(key):
            return find()[0]
        state = f"{image.uid_validity}.{image.uid_next}.{image.modseq}"
        known = self._found.get((place, key), state)
        if known is not None:
            return known
        uids, is_lasting_result = find()
        if is_lasting_result:
            uids = array("I", uids)
            self._found.put((place, key), state, uids)
        return uids

    def order(
        self, place: tuple[str, str], image: Image, what: Hashable, uids: Uids, sort: Callable[[], Sequence[int]]
    ) -> Sequence[int]:
        """These messages in an order, which is the same whatever flags they have."""
        return _from(self._orders, (place, what), _state(image, uids), lambda: array("I", sort()))

    def threads(
        self,
        place: tuple[str, str],
        image: Image,
        what: Hashable,
        uids: Uids,
        numbers: Sequence[int],
        thread: Callable[[], bytes],
    ) -> bytes:
        """What THREAD tells of some messages by their numbers, which others may have had before."""
        state = _state(image, uids if numbers is uids else [*uids, *numbers])
        return _from(self._threads, (place, what), state, thread)


def _state(image: Image, numbers: Sequence[int]) -> str:
    octets = numbers if isinstance(numbers, array) else array("I", numbers)
    return f"{image.uid_validity}.{image.uid_next}.{hashlib.blake2b(octets, digest_size=16).hexdigest()}"


def _from(cache: ResultCache[int], key: Hashable, state: str, make: Callable[[], T]) -> T:
    known = cache.get(key, state)
    if known is not None:
        return known  # type: ignore[return-value] # under this key there is nothing else
    made = make()
    cache.put(key, state, made)
    return made


def is_lasting(key: k.SearchKey) -> bool:
    """Whether a program finds the same for every session and at any time, and is short."""
    length = 0
    for at, one in enumerate(k.all_keys(key)):
        if isinstance(one, k.Within | k.Recent) or (isinstance(one, k.Numbers) and not is_whole(one.set)):
            return False
        length += len(one.text) if isinstance(one, k.Text | k.Header) else 0
        if at >= _MOST_KEYS or length > _MOST_CHARACTERS:
            return False
    return True
