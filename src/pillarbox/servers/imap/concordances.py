"""The concordances of mailboxes, as a process remembers them, makes them and has them stored.

Those of a mailbox follow each other without a gap. New messages get one of their own; one that has grown to half of
the one before is merged with it, so that there are few, and each message is merged a few times in all.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.datatypes.view import Transaction, View
from pillarbox.servers.imap.concordance import Concordance, from_text, merged, read_concordance
from pillarbox.servers.imap.image import Image
from pillarbox.servers.imap.word_list import MOST_ROWS

_KIND = "concordance 1"  # of memos; a new number when what is stored means something else
_DAY_MS = 86_400_000
_KEPT_MS = 60 * _DAY_MS
_ENTRY_OCTETS = 1_000
_LEAST_STORED = 500  # messages: fewer are read again sooner than stored
_QUICK = 10  # more messages than this are read in a thread
_MOST_LEARNED = 8
_STEP = 8_192  # messages of which one is made at a time
MOST_READ = 20_000  # messages that one search reads, so that it ends in some seconds
_MANY_GONE = 1_000
_MOST_MERGED = 32_000_000  # octets: to merge takes several times as many
# Octets of the lists of one mailbox: so many, and so many for each message, which is more than most mail has.
_LEAST_ROOM, _MESSAGE_ROOM = 32_000_000, 6_000


class Learned(NamedTuple):
    """A concordance that is worth storing."""

    account: str
    name: str
    text: str

    def keep(self, tx: Transaction) -> None:
        """Store it for as long as it is likely to be of use; it takes the place of a shorter one."""
        tx.keep_memo(self.account, _KIND, self.name, self.text, tx.now_ms + _KEPT_MS)


class Concordances:
    """The concordances of a process, as far as there is room."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        # Most are read from what is stored, at a hundredth of what it cost to read the messages.
        self._known: Shelf[tuple[str, str, int], tuple[Concordance, ...]] = Shelf(
            shelves or Shelves(), "concordances", worth=20
        )
        self._learned: list[Learned] = []
        self._lock = threading.Lock()

    def of(self, view: View, account: str, mailbox: str, image: Image) -> tuple[Concordance, ...]:
        """Those of a mailbox, which the view sees.

        The last one may end before the mailbox does, if that is large, or has far more words than mail has.
        """
        key = account, mailbox, image.uid_validity
        known = self._known.get(key)
        if known is None:
            if len(image.uids) > _QUICK:
                view.take_time()
            known = _loaded(view, key)
            self._known.put(key, known, _weight(known))
        before = known
        if sum(len(each.uids) for each in known) > 2 * len(image.uids) + _MANY_GONE:
            known = ()  # most of what they tell of is gone
        last = known[-1].last if known else 0
        new = image.uids[bisect_right(image.uids, last) :][:MOST_READ]
        if len(new) > _QUICK:
            view.take_time()
        most = _LEAST_ROOM + _MESSAGE_ROOM * len(image.uids)
        while new and _weight(known) < most:
            known = _grown(known, read_concordance(view, account, mailbox, last, new[:_STEP]))
            last = known[-1].last
            new = new[bisect_right(new, last) :]
        if known is not before:
            self._known.put(key, known, _weight(known))
            self._learn(key, [each for each in known if not any(each is one for one in before)])
        return known

    def take_learned(self) -> Sequence[Learned]:
        """What is to be stored, once."""
        with self._lock:
            taken, self._learned = self._learned, []
        return taken

    def _learn(self, key: tuple[str, str, int], new: Sequence[Concordance]) -> None:
        learned = [
            Learned(key[0], _name(key, each.after), each.to_text()) for each in new if len(each.uids) >= _LEAST_STORED
        ]
        with self._lock:
            # What nobody has come to store yet is not kept for long: others learn it again.
            self._learned = [*self._learned, *learned][-_MOST_LEARNED:]


def _loaded(view: View, key: tuple[str, str, int]) -> tuple[Concordance, ...]:
    """What was stored of a mailbox, as far as it follows on."""
    found: list[Concordance] = []
    while (text := view.recall(key[0], _KIND, _name(key, found[-1].last if found else 0))) is not None:
        if (each := from_text(text)) is None or each.last <= each.after:
            break
        found.append(each)
    return tuple(found)


def _grown(known: tuple[Concordance, ...], new: Concordance) -> tuple[Concordance, ...]:
    """With another one at the end, or merged."""
    while known and len(known[-1].uids) <= 2 * len(new.uids):
        if len(known[-1].uids) + len(new.uids) > MOST_ROWS or known[-1].weight + new.weight > _MOST_MERGED:
            break
        new, known = merged(known[-1], new), known[:-1]
    return (*known, new)


def _weight(known: tuple[Concordance, ...]) -> int:
    return _ENTRY_OCTETS + sum(each.weight for each in known)


def _name(key: tuple[str, str, int], after: int) -> str:
    return f"{key[1]} {key[2]} {after}"
