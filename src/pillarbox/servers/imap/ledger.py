r"""Flags, times of arrival and sizes of a mailbox's messages in columns, which a process keeps for searches.

A ledger is of one state of a mailbox, as an image is, and is brought up to date at the cost of what has changed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.datatypes.membership import Membership
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.flag_column import KIND_OCTETS, FlagColumn, Kind
from pillarbox.servers.imap.image import Image, Uids
from pillarbox.servers.imap.ranked import VALUE_OCTETS, Ranked
from pillarbox.servers.imap.sheet import MOST_ROWS

_ENTRY_OCTETS = 4_000  # what a ledger costs beside its columns
_ROW_OCTETS = 2 * VALUE_OCTETS + 5  # with the uid, although that is most often the image's own
_MOST_CHANGES = 500  # after more it is read anew
_QUICK = 1_000  # more messages than this are read in a thread


class State(NamedTuple):
    """Which state of a mailbox an image is of; later ones are greater."""

    uid_validity: int
    modseq: int
    uid_next: int


class Ledger:
    """The columns of a mailbox at one modseq, a row for each uid. It is never changed: another takes its place."""

    __slots__ = ("flags", "received", "sizes", "state", "uids")

    def __init__(self, image: Image, flags: FlagColumn | None, received: Ranked, sizes: Ranked) -> None:
        """`flags` is None when the messages have too many combinations of them."""
        self.uids: Uids = image.uids
        self.state = _state(image)
        self.flags, self.received, self.sizes = flags, received, sizes

    @property
    def weight(self) -> int:
        """The octets that it takes."""
        kinds = len(self.flags.kinds) if self.flags is not None else 0
        return _ENTRY_OCTETS + _ROW_OCTETS * len(self.uids) + KIND_OCTETS * kinds

    def after(self, image: Image, rows: Sequence[Membership], gone: Sequence[int]) -> Ledger | None:
        """The ledger of a later image, which these messages differ in; None when they do not make it."""
        before, uids = self.state.uid_next, array("I", self.uids)
        places = [at for uid in gone if (at := _place(uids, uid)) is not None]
        for at in reversed(places):
            del uids[at]
        now = {at: _kind(row) for row in rows if row.uid < before and (at := _place(uids, row.uid)) is not None}
        new = [row for row in rows if row.uid >= before]
        uids.extend([row.uid for row in new])
        if uids != image.uids:
            return None
        flags = self.flags.changed(places, now, list(map(_kind, new))) if self.flags is not None else None
        received = self.received.changed(places, [row.sort_key for row in new])
        return Ledger(image, flags, received, self.sizes.changed(places, [row.size for row in new]))


class Ledgers:
    """The ledgers of a process, as far as there is room.

    A mailbox gets one when it is searched for the second time: to read all rows costs as much as some searches.
    """

    def __init__(self, shelves: Shelves | None = None) -> None:
        # None: it was searched once.
        self._ledgers: Shelf[tuple[str, str], Ledger | None] = Shelf(shelves or Shelves(), "ledgers", worth=80)

    def of(self, view: View, account: str, mailbox: str, image: Image) -> Ledger | None:
        """The ledger of an image, which the view sees; None when there is none, and the store is to be asked."""
        if len(image.uids) > MOST_ROWS:
            return None
        key, state = (account, mailbox), _state(image)
        is_first, known = key not in self._ledgers, self._ledgers.get(key)
        if is_first:
            self._ledgers.put(key, None, KIND_OCTETS)
            return None
        if known is not None and known.state == state:
            return known
        ledger = None
        if known is not None and known.state.uid_validity == state.uid_validity:
            if state < known.state:  # this view does not see all that others have
                return None
            ledger = _brought_up(view, account, mailbox, known, image)
        ledger = ledger or _read(view, account, mailbox, image)
        if ledger is not None:
            known = self._ledgers.get(key)
            if known is None or known.state <= ledger.state:  # another thread may have made a later one
                self._ledgers.put(key, ledger, ledger.weight)
        return ledger


def _state(image: Image) -> State:
    return State(image.uid_validity, image.modseq, image.uid_next)


def _kind(row: Membership) -> Kind:
    return row.words, bool(row.is_deleted)


def _place(uids: Uids, uid: int) -> int | None:
    at = bisect_left(uids, uid)
    return at if at < len(uids) and uids[at] == uid else None


def _read(view: View, account: str, mailbox: str, image: Image) -> Ledger | None:
    """The ledger from all rows; None when these are not what the image has."""
    if len(image.uids) > _QUICK:
        view.take_time()
    rows, listed = view.flags(account, mailbox), view.listed(account, mailbox, 1, max(image.uid_next, 1))
    uids = list(image.uids)
    if [row[0] for row in rows] != uids or [row[0] for row in listed] != uids:
        return None
    flags = FlagColumn.of([(row[2], bool(row[3])) for row in rows])
    return Ledger(image, flags, Ranked.of(row[3] for row in listed), Ranked.of(row[2] for row in listed))


def _brought_up(view: View, account: str, mailbox: str, known: Ledger, image: Image) -> Ledger | None:
    """The ledger after what has changed; None when that is much, or is not known any more."""
    step = image.changes(known.state.modseq)
    found = (step.rows, step.gone) if step is not None else None
    found = found or view.changed_members(account, mailbox, known.state.modseq)
    if found is None or len(found[0]) + len(found[1]) > _MOST_CHANGES:
        return None
    return known.after(image, *found)
