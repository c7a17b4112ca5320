"""Messages that a search finds, in the order that it asks for; remembered where they can be.

RFC 9051 §6.4.4; RFC 5256 §3; RFC 5957; RFC 6203 §4, §6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pillarbox.datatypes.view import View
from pillarbox.servers.imap.found import Found, told_of
from pillarbox.servers.imap.image import Image, Images, Uids
from pillarbox.servers.imap.search_memory import SearchMemory
from pillarbox.servers.imap.search_program import Scene, Search
from pillarbox.servers.imap.selected import Selected
from pillarbox.wire.imap import message_command as m
from pillarbox.wire.imap import search_key as k

_FEW = 500  # rows that are read one by one rather than with all between them
_QUICK = 2_000  # more than this is sorted in a thread
Criteria = tuple[tuple[str, bool], ...]


class Finder(NamedTuple):
    """Finds in mailboxes of one process's store."""

    images: Images
    memory: SearchMemory

    def in_mailbox(
        self, view: View, account: str, mailbox: str, key: k.SearchKey, selected: Selected | None = None
    ) -> tuple[Image, Uids]:
        """What a program finds in a mailbox, which is the selected one when that is given."""
        image = self.images.now(view, account, mailbox)
        search = self._search(view, account, mailbox, image, selected)
        found = self.memory.found((account, mailbox), image, key, lambda: (search.run(key), search.is_whole))
        return image, found

    def _search(self, view: View, account: str, mailbox: str, image: Image, selected: Selected | None) -> Search:
        memory = self.memory
        scene = Scene(account, mailbox, image, memory.sheets, memory.concordances, memory.ledgers)
        if selected is not None:
            scene = scene._replace(known=selected.uids, saved=selected.saved, recent=selected.recent.ranges)
        return Search(view, scene)

    def in_selected(self, view: View, selected: Selected, command: m.Search | m.Sort) -> Found:
        """What a command finds of the messages that the client knows."""
        image, uids, scores = self._scored(view, selected, command)
        uids = known_of(selected, image, uids)
        if scores:
            scores = {uid: scores[uid] for uid in uids}
        return self._told(view, selected, image, command, uids, scores)

    def afresh(self, view: View, selected: Selected, command: m.Search | m.Sort) -> Found:
        """What a command finds now, of all messages that there are."""
        image, uids, scores = self._scored(view, selected, command)
        return self._told(view, selected, image, command, uids, scores)

    def _scored(self, view: View, selected: Selected, command: m.Search | m.Sort) -> tuple[Image, Uids, dict[int, int]]:
        place = selected.place
        if not _wants_scores(command):
            found = self.in_mailbox(view, place.account, place.id, command.key, selected)
            return *found, {}
        image = self.images.now(view, place.account, place.id)
        search = self._search(view, place.account, place.id, image, selected)
        uids = search.run(command.key)
        return image, uids, {uid: _score(uid, search.exact) for uid in uids}

    def _told(
        self,
        view: View,
        selected: Selected,
        image: Image,
        command: m.Search | m.Sort,
        uids: Uids,
        scores: dict[int, int],
    ) -> Found:
        if isinstance(command, m.Sort):
            uids = self.in_order(view, selected, image, command.criteria, uids, scores)
        modseq = 0
        if command.is_modseq_wanted and uids:
            told = told_of(uids, command.returned, command.partial)
            modseq = max((row[2] for row in rows_of(view, selected, sorted(told))), default=0)
        has_scores = command.returned is not None and "RELEVANCY" in command.returned
        return Found(uids, modseq, [scores[uid] for uid in uids] if has_scores else ())

    def in_order(
        self, view: View, selected: Selected, image: Image, criteria: Criteria, uids: Uids, scores: dict[int, int]
    ) -> Sequence[int]:
        """The UIDs, rising before, in an order; of what is alike, the lower one first (RFC 5256 §3)."""
        place = selected.place.account, selected.place.id
        if scores:
            return self._sorted(view, selected, image, criteria, uids, scores)
        return self.memory.order(
            place, image, criteria, uids, lambda: self._sorted(view, selected, image, criteria, uids, scores)
        )

    def _sorted(
        self, view: View, selected: Selected, image: Image, criteria: Criteria, uids: Uids, scores: dict[int, int]
    ) -> list[int]:
        out = list(uids)
        if len(out) > _QUICK:
            view.take_time()
        for name, is_reversed in reversed(criteria):
            keys = self._keys(view, selected, image, name, uids, scores)
            # A sort that is reversed keeps what is alike in the order that it had.
            out.sort(key=keys.__getitem__, reverse=is_reversed)
        return out

    def _keys(
        self, view: View, selected: Selected, image: Image, name: str, uids: Uids, scores: dict[int, int]
    ) -> dict[int, Any]:
        account, mailbox = selected.place.account, selected.place.id
        if name == "RELEVANCY":  # RFC 6203 §6: the most relevant first
            return {uid: -scores.get(uid, 0) for uid in uids}
        if name == "SIZE":
            return {row.uid: row.size for row in rows_of(view, selected, uids)}
        sheet = self.memory.sheets.of(view, account, mailbox, image, (name,))
        values = sheet.values[name]
        if len(uids) * 4 > len(values):
            return dict(zip(sheet.uids, values, strict=True))
        return {uid: values[sheet.row_of(uid)] for uid in uids}


def rows_of(view: View, selected: Selected, uids: Uids) -> Sequence[Any]:
    """The rows of at least these messages, which rise."""
    account, mailbox = selected.place.account, selected.place.id
    if len(uids) <= _FEW:
        return view.memberships_of(account, mailbox, uids)
    wanted = frozenset(uids)
    return [row for row in view.memberships(account, mailbox, uids[0], uids[-1]) if row.uid in wanted]


def known_of(selected: Selected, image: Image, uids: Uids) -> Uids:
    """Those that the client has been told of."""
    if selected.uids is image.uids or (selected.uid_next == image.uid_next and len(selected.uids) == len(image.uids)):
        return uids
    known = frozenset(selected.uids)
    return [uid for uid in uids if uid in known]


def _wants_scores(command: m.Search | m.Sort) -> bool:
    by_relevancy = isinstance(command, m.Sort) and any(name == "RELEVANCY" for name, _ in command.criteria)
    return by_relevancy or (command.returned is not None and "RELEVANCY" in command.returned)


def _score(uid: int, exact: Sequence[frozenset[int]]) -> int:
    """RFC 6203 §4: from 1 to 100. Half of it is for having been found at all."""
    return 50 + 50 * sum(uid in found for found in exact) // max(len(exact), 1)
