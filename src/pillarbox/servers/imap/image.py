"""What a process remembers of mailboxes that are selected: which UIDs they hold, and which keywords are used there.

Sessions on one mailbox share its image. It is brought up to date from what has changed since, at the cost of that.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pillarbox.core.shelf import Shelf, Shelves
from pillarbox.datatypes.membership import Container, Membership
from pillarbox.datatypes.view import View
from pillarbox.storage.transaction import Transaction

Uids = Sequence[int]  # an array of 32 bits each, in rising order; never changed once it is shared
_UID_OCTETS, _STEP_OCTETS = 4, 500  # of a uid, and of a message in a step
_ENTRY_OCTETS, _TOTALS_OCTETS = 1_000, 500  # what an image costs beside those, and what sums cost
_MAX_PRINTED = 4  # answers of one image
_MAX_PRINTED_OCTETS = 8_388_608  # of one answer: the flags of 180,000 messages
_SINGLY = 64  # to take more out, the array is built anew; of more changes in all no list is kept
_FULL_AFTER = 5_000  # changes; a mailbox is read anew when more have come


class Step(NamedTuple):
    """What changed after a number: the messages as they were then, without those that are gone, and these."""

    since: int
    rows: Sequence[Membership]
    gone: Sequence[int]

    @property
    def weight(self) -> int:
        """What it takes of the room for changes."""
        return len(self.rows) + len(self.gone) + 1


class Image:
    """A mailbox at one modseq."""

    __slots__ = ("_room", "keywords", "modseq", "printed", "steps", "uid_next", "uid_validity", "uids")

    def __init__(self, uids: Uids, keywords: frozenset[str], state: tuple[int, int, int]) -> None:
        """`state` is the UID validity, the next UID and the modseq; `keywords` are of now or of messages gone since."""
        self.uids, self.keywords = uids, keywords
        self.uid_validity, self.uid_next, self.modseq = state
        # What made it of the images before, the oldest first, for the sessions that have seen one of those.
        self.steps: tuple[Step, ...] = ()
        self._room = _SINGLY  # for further steps
        # What a FETCH of all messages was answered, by what it asked for: many clients ask whenever they come.
        self.printed: dict[object, bytes] = {}

    def changes(self, since: int) -> Step | None:
        """What has changed after a number, the messages as they are now; None when that is not known."""
        at = next((n for n, step in enumerate(self.steps) if step.since == since), None)
        if at is None:
            return None
        steps = self.steps[at:]
        if len(steps) == 1:
            return steps[0]
        gone = {uid for step in steps for uid in step.gone}
        rows = {row.uid: row for step in steps for row in step.rows if row.uid not in gone}
        return Step(since, [rows[uid] for uid in sorted(rows)], sorted(gone))

    def follow(self, before: Image, rows: Sequence[Membership], gone: Sequence[int]) -> None:
        """Remember what made it of the image before, and what made that one, as far as it is little."""
        step = Step(before.modseq, rows, gone)
        room, dropped = before._room - step.weight, 0
        while room < 0 and dropped < len(before.steps):
            room += before.steps[dropped].weight
            dropped += 1
        if room >= 0:
            self.steps, self._room = (*before.steps[dropped:], step), room

    @property
    def weight(self) -> int:
        """The octets that it takes, without what was printed."""
        return _ENTRY_OCTETS + _UID_OCTETS * len(self.uids) + _STEP_OCTETS * (_SINGLY - self._room)


class Draft:
    """An image as an open transaction sees it."""

    __slots__ = ("_images", "_key", "image")

    def __init__(self, images: Images, key: tuple[str, str], image: Image) -> None:
        self._images, self._key, self.image = images, key, image

    def publish(self) -> None:
        """Have it known."""
        self._images.keep(self._key, self.image)


class Totals(NamedTuple):
    r"""Sums over the messages of a mailbox, those with \Deleted among them."""

    messages: int
    unseen: int
    octets: int
    deleted: int
    deleted_octets: int


class Images:
    """The images of a process, as far as there is room."""

    def __init__(self, shelves: Shelves | None = None) -> None:
        shelves = shelves or Shelves()
        self._images: Shelf[tuple[str, str], Image] = Shelf(shelves, "images", worth=60)  # 300 without what was printed
        self._totals: Shelf[tuple[str, str], tuple[int, Totals]] = Shelf(shelves, "totals", worth=1_000)

    def now(self, view: View, account: str, mailbox: str, state: Container | None = None) -> Image:
        """The image of a mailbox as the view sees it, whose numbers are these.

        That of a transaction is kept when it is committed.
        """
        key = account, mailbox
        state = state or view.container(account, mailbox)
        known = self._known(view, key)
        if known is not None and (known.modseq, known.uid_next) == (state.modseq, state.uid_next):
            return known
        numbers = state.uid_validity, state.uid_next, state.modseq
        image = None
        if known is not None and known.modseq < state.modseq:
            image = _brought_up(view, account, mailbox, known, numbers)
        image = image or _read(view, account, mailbox, numbers)
        if view.drafts is None:
            self.keep(key, image)
        else:
            view.drafts[key] = Draft(self, key, image)
        return image

    def _known(self, view: View, key: tuple[str, str]) -> Image | None:
        if view.drafts is not None and (draft := view.drafts.get(key)) is not None:
            assert isinstance(draft, Draft)
            return draft.image
        return self._images.get(key)

    def keep(self, key: tuple[str, str], image: Image) -> None:
        """Remember the image of a mailbox, unless a newer one is known."""
        known = self._images.get(key)
        if known is None or known.modseq < image.modseq:
            self._images.put(key, image, image.weight)

    def advance(
        self, tx: Transaction, account: str, mailbox: str, change: tuple[int, int], rows: Sequence[Membership]
    ) -> None:
        """A transaction has changed some messages, and nothing else.

        `change`: the number of the mailbox before it, and now.
        """
        key, (since, number) = (account, mailbox), change
        known = self._known(tx, key)
        if known is not None and known.modseq == since and len(rows) <= _SINGLY:
            state = known.uid_validity, known.uid_next, number
            tx.drafts[key] = Draft(self, key, _after(known, rows, (), state))

    def keep_printed(self, key: tuple[str, str], image: Image, what: object, answer: bytes) -> None:
        """Remember what a FETCH of all messages was answered, for as long as the mailbox stays as it is."""
        if len(answer) > _MAX_PRINTED_OCTETS or len(image.printed) >= _MAX_PRINTED:
            return
        if self._images.grow(key, image, len(answer)):
            image.printed[what] = answer

    def totals(self, view: View, account: str, mailbox: str) -> Totals:
        """The sums over a mailbox as the view sees it."""
        key, modseq = (account, mailbox), view.container(account, mailbox).modseq
        known = self._totals.get(key)
        if known is not None and known[0] == modseq:
            return known[1]
        totals = Totals(*view.member_totals(account, mailbox))
        self._totals.put(key, (modseq, totals), _TOTALS_OCTETS)
        return totals


def _read(view: View, account: str, mailbox: str, state: tuple[int, int, int]) -> Image:
    rows = view.flags(account, mailbox)
    return Image(array("I", [row[0] for row in rows]), _split({row[2] for row in rows}), state)


def _brought_up(view: View, account: str, mailbox: str, known: Image, state: tuple[int, int, int]) -> Image | None:
    """The image after what has changed; None when that is much, or is not known any more."""
    found = view.changed_members(account, mailbox, known.modseq)
    if found is None:
        if known.modseq < view.known_since(account):
            return None
        rows = view.memberships(account, mailbox, since=known.modseq, limit=_FULL_AFTER)
        if len(rows) >= _FULL_AFTER:
            return None
        found = rows, view.removed_uids(account, mailbox, known.modseq)
    return _after(known, *found, state)


def _after(known: Image, rows: Sequence[Membership], gone: Sequence[int], state: tuple[int, int, int]) -> Image:
    """The image that these changes make of one, the mailbox having come to this state."""
    uids = without(known.uids, gone)
    new = [row[0] for row in rows if row[0] >= known.uid_next]
    if new:
        uids = array("I", uids)
        uids.extend(new)
    image = Image(uids, known.keywords | _split({row[3] for row in rows}), state)
    image.follow(known, rows, gone)
    return image


def _split(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in words for word in text.split())


def without(uids: Uids, gone: Sequence[int]) -> Uids:
    """The UIDs that are left, as a new array when any went."""
    if not gone:
        return uids
    if len(gone) > _SINGLY:
        dropped = set(gone)
        return array("I", [uid for uid in uids if uid not in dropped])
    out = array("I", uids)
    for uid in gone:
        at = bisect_left(out, uid)
        if at < len(out) and out[at] == uid:
            del out[at]
    return out
