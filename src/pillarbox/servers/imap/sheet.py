"""What stands in the headers of a mailbox's messages, in columns, remembered by a process for as long as it has room.

A column is read from the listings of all messages once; of what comes later, that alone is read. Messages that are
gone keep their rows until they are many.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.column import EMPTY, SENT_DAY, TEXTS, VALUES, GrowingColumn, TextColumn
from pillarbox.servers.imap.heading import NOTHING, headings
from pillarbox.servers.imap.image import Image, Uids

MOST_ROWS = 150_000  # of a mailbox with more messages there is no sheet
_ENTRY_OCTETS = 2_000  # what a sheet costs beside its columns
_VALUE_OCTETS = 70
_STEP = 2_000  # messages whose listings are in memory at a time
_QUICK = 100  # more listings than this are read in a thread
_MANY_GONE = 1_000
# What one search is for is often asked of the others next; one reading serves them all.
_TOGETHER = frozenset({"from", "to", "cc", "bcc", "subject", SENT_DAY})


class Sheet:
    """The columns of a mailbox up to a uid. It is never changed: a longer one takes its place."""

    __slots__ = ("texts", "uid_next", "uids", "validity", "values", "weight")

    def __init__(
        self,
        validity: int,
        uid_next: int,
        uids: Uids,
        texts: Mapping[str, TextColumn],
        values: Mapping[str, Sequence[Any]],
    ) -> None:
        self.validity, self.uid_next, self.uids = validity, uid_next, uids
        self.texts, self.values = texts, values
        octets = sum(column.weight for column in texts.values()) + 4 * len(uids)
        self.weight = _ENTRY_OCTETS + octets + len(values) * len(uids) * _VALUE_OCTETS

    @property
    def names(self) -> set[str]:
        """The columns that it has."""
        return {*self.texts, *self.values}

    def row_of(self, uid: int) -> int:
        """The place of a message that it knows."""
        return bisect_left(self.uids, uid)

    def has_only(self, image: Image) -> bool:
        """Whether its rows are the mailbox's messages, no more."""
        return self.uid_next == image.uid_next and len(self.uids) == len(image.uids)


class Sheets:
    """The sheets of a process, as far as there is room."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        self._sheets: Shelf[tuple[str, str], Sheet] = Shelf(shelves or Shelves(), "sheets", worth=60)

    def of(self, view: View, account: str, mailbox: str, image: Image, names: Iterable[str]) -> Sheet:
        """A sheet with at least these columns and the messages of an image, which the view sees."""
        key, wanted = (account, mailbox), set(names)
        if wanted & _TOGETHER:
            wanted |= _TOGETHER
        known = self._sheets.get(key)
        if known is None or known.validity != image.uid_validity or len(known.uids) > 2 * len(image.uids) + _MANY_GONE:
            known = Sheet(image.uid_validity, 1, array("I"), {}, {})
        if wanted <= known.names and known.uid_next >= image.uid_next:
            return known
        is_newer = known.uid_next > image.uid_next  # this view does not see all that others have
        sheet = Sheet(image.uid_validity, 1, array("I"), {}, {}) if is_newer else known
        if image.uid_next > sheet.uid_next:
            sheet = _with_rows(view, account, mailbox, sheet, image)
        if missing := wanted - sheet.names:
            sheet = _with_columns(view, account, mailbox, sheet, missing)
        if not is_newer:
            self._sheets.put(key, sheet, sheet.weight)
        return sheet


def _with_rows(view: View, account: str, mailbox: str, sheet: Sheet, image: Image) -> Sheet:
    """The sheet with the messages that came after it."""
    new = image.uids[bisect_left(image.uids, sheet.uid_next) :]
    uids = array("I", sheet.uids)
    uids.extend(new)
    texts, values = _read(view, account, mailbox, new, sheet.names)
    return Sheet(
        sheet.validity,
        image.uid_next,
        uids,
        {name: column.with_more(texts[name]) for name, column in sheet.texts.items()},
        {name: [*column, *values[name]] for name, column in sheet.values.items()},
    )


def _with_columns(view: View, account: str, mailbox: str, sheet: Sheet, names: set[str]) -> Sheet:
    """The sheet with further columns; of messages that are gone there is nothing in them."""
    texts, values = _read(view, account, mailbox, sheet.uids, names)
    return Sheet(
        sheet.validity,
        sheet.uid_next,
        sheet.uids,
        {**sheet.texts, **{name: EMPTY.with_more(column) for name, column in texts.items()}},
        {**sheet.values, **values},
    )


def _read(
    view: View, account: str, mailbox: str, uids: Uids, names: Iterable[str]
) -> tuple[dict[str, GrowingColumn], dict[str, list[Any]]]:
    texts = {name: GrowingColumn() for name in names if name in TEXTS}
    values: dict[str, list[Any]] = {name: [] for name in names if name in VALUES}
    if (texts or values) and len(uids) > _QUICK:
        view.take_time()
    for start in range(0, len(uids) if texts or values else 0, _STEP):
        step = uids[start : start + _STEP]
        rows = {uid: (id, arrived) for uid, id, _, arrived in view.listed(account, mailbox, step[0], step[-1])}
        there = [uid for uid in step if uid in rows]
        found = dict(zip(there, headings(view, account, [rows[uid][0] for uid in there]), strict=True))
        seen = [found.get(uid, NOTHING) for uid in step]
        for name, column in texts.items():
            column.extend(map(TEXTS[name], seen))
        for name, cells in values.items():
            cells.extend(map(VALUES[name], [rows[uid][1] if uid in rows else 0 for uid in step], seen))
    return texts, values
