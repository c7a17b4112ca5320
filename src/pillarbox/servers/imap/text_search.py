"""Any piece of a text, found in headers and bodies (RFC 3501 §6.4.4: "if the string is a substring").

Words come from the mailbox's concordances; where a word alone is no proof, the messages that have all the words are
read. Where that would take too long, the text index answers, by words: RFC 9051 §6.4.4 allows "performing only
full-word matching" of TEXT and BODY.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.concordances import MOST_READ, Concordances
from pillarbox.servers.imap.image import Image
from pillarbox.servers.imap.message_text import MessageText, message_texts
from pillarbox.servers.imap.needle import needle_of

_QUICK = 5  # more messages than this are read in a thread
# Messages that are read to compare one text, if the text index can answer in their place.
_MOST_COMPARED = 5_000
_MOST_TESTS = 2 * MOST_READ  # of bodies or headers, for all texts of a program
# Shorter words stand for themselves in the text index: what begins with `th` is half of all words of all accounts.
_LEAST_BEGINNING = 4


class TextSearch:
    """The searches for pieces of text of one program."""

    def __init__(self, view: View, account: str, mailbox: str, image: Image, known: Concordances) -> None:
        self._view, self._account, self._mailbox, self._image, self._known = view, account, mailbox, image, known
        self._left = _MOST_TESTS
        # False: part of a large mailbox was searched by words, for this time.
        self.is_whole = True

    def find(self, place: str, text: str, by_words: Callable[[], Iterable[int]]) -> set[int]:
        """The uids of the messages with the text in the body, or anywhere.

        `by_words` asks the text index. Raises REQUEST_TOO_LARGE when that is no help, and too much were to be read.
        """
        needle, uids = needle_of(text), self._image.uids
        if needle.is_short and len(uids) > _QUICK:
            self._view.take_time()
        lists = self._known.of(self._view, self._account, self._mailbox, self._image)
        last = lists[-1].last if lists else 0
        bodies = {uid for each in lists for uid in each.in_body(needle)}
        heads = {uid for each in lists for uid in each.in_head(needle)} if place == "text" else set()
        if sum(len(each.uids) for each in lists) != bisect_right(uids, last):
            bodies.intersection_update(uids)  # some are gone, or this view does not see them yet
            heads.intersection_update(uids)
        if needle.is_word:
            found = bodies | heads
        elif needle.pieces and len(bodies) + len(heads) > min(_MOST_COMPARED, self._left):
            return set(by_words())
        else:
            found = self._having(bodies, lambda text: needle.key in text.body)
            found |= self._having(heads - found, lambda text: needle.key in text.head)
        if uids and uids[-1] > last:
            self.is_whole = False
            found.update(uid for uid in by_words() if uid > last)
        return found

    def _having(self, uids: Collection[int], test: Callable[[MessageText], bool]) -> set[int]:
        """Those of some messages that pass a test of their texts."""
        self._left -= len(uids)
        if self._left < 0:
            raise too_much()
        if len(uids) > _QUICK:
            self._view.take_time()
        rows = self._view.memberships_of(self._account, self._mailbox, sorted(uids))
        texts = message_texts(self._view, self._account, [row.item for row in rows])
        return {row.uid for row, text in zip(rows, texts, strict=True) if test(text)}


def as_phrase(text: str) -> str:
    """The text as the text index takes it: words in this order, of which the last may go on unless it is short."""
    last = text.rstrip()[-_LEAST_BEGINNING:]
    star = "*" if len(last) == _LEAST_BEGINNING and last.isalnum() else ""
    plain = text.replace("\\", " ").replace('"', " ").strip()
    return f'"{plain}"{star}'


def too_much() -> Fault:
    """A program that nobody else shall wait for."""
    return Fault(Kind.REQUEST_TOO_LARGE, "This search would take too long")
