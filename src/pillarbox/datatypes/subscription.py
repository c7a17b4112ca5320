"""Names that stay subscribed when the mailbox that had them is gone (RFC 9051 §6.3.7, RFC 3501 §6.3.6).

For JMAP a subscription belongs to the mailbox; for IMAP it belongs to the name: a server "MUST NOT unilaterally remove
an existing mailbox name from the subscription list even if a mailbox by that name no longer exists". So the mailbox
has its `isSubscribed`, and the account has a list of the subscribed names that no mailbox has, in one annotation that
no protocol shows. What takes such a name becomes subscribed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from pillarbox.datatypes.annotation import ACCOUNT_ITSELF, ANNOTATION, Annotation
from pillarbox.datatypes.mailbox_tree import Named, ancestors, imap_name
from pillarbox.datatypes.view import Transaction, View, first_with

MOST_NAMES = 1_000
_USER = "subscribed names"  # nobody's id, so that no client is shown it among annotations
_ENTRY = "/names"


class Subscribable(Named, Protocol):
    """A mailbox, as far as its name and its subscription go."""

    @property
    def is_subscribed(self) -> bool: ...


M = TypeVar("M", bound=Subscribable)


def names_without_mailbox(view: View, account: str) -> list[str]:
    """The subscribed names that no mailbox of the account has, as IMAP spells them, those kept the longest first."""
    kept = _annotation(view, account)
    return msgspec.json.decode(kept.value, type=list[str]) if kept is not None and kept.value else []


def unsubscribe_name(tx: Transaction, account: str, name: str) -> bool:
    """Forget a subscribed name that no mailbox has; whether there was one."""
    names = names_without_mailbox(tx, account)
    if name not in names:
        return False
    _keep(tx, account, [other for other in names if other != name])
    return True


def follow_names(tx: Transaction, account: str, boxes: Mapping[str, M], old: M | None, new: M | None) -> list[M]:
    """Keep the subscribed names that a change took from mailboxes, and let go of those that mailboxes have now.

    `boxes` are all mailboxes after the change. Returns those that are not subscribed, but have a name now that is.
    """
    lost = _lost(boxes, old, new) if old is not None else []
    names = names_without_mailbox(tx, account)
    if not lost and not names:
        return []
    gained = {imap_name(boxes, box): box for box in _moved(boxes, new)} if new is not None else {}
    wanted = [name for name in names if name not in gained and name not in lost] + lost
    if wanted != names:
        _keep(tx, account, wanted)
    return [gained[name] for name in names if name in gained and not gained[name].is_subscribed]


def _lost(boxes: Mapping[str, M], old: M, new: M | None) -> list[str]:
    """The subscribed names that were at or below the old place of a mailbox, and that none has now."""
    before = {**boxes, old.id: old}
    moved = [old] if new is None else _moved(before, old)
    names = [imap_name(before, box) for box in moved if box.is_subscribed]
    # Two that change names in one request have the same for a moment.
    here = {imap_name(boxes, box) for box in boxes.values()} if names and new is not None else set()
    return sorted(name for name in names if name not in here)


def _moved(boxes: Mapping[str, M], top: M) -> list[M]:
    """A mailbox and those below it."""
    return [box for box in boxes.values() if box.id == top.id or top.id in ancestors(boxes, box)]


def _annotation(view: View, account: str) -> Annotation | None:
    return first_with(view, ANNOTATION, account, "user", _USER)


def _keep(tx: Transaction, account: str, names: Sequence[str]) -> None:
    """Write the list anew, as far as there is room: the oldest make it."""
    old = _annotation(tx, account)
    value = _fitting(names[-MOST_NAMES:], tx.limits.max_size_annotation)
    if value is None:
        if old is not None:
            tx.write(ANNOTATION, account, old, None)
        return
    id = old.id if old is not None else tx.new_id(ANNOTATION)
    new = Annotation(id=id, mailbox_id=ACCOUNT_ITSELF, user=_USER, entry=_ENTRY, value=value)
    tx.write(ANNOTATION, account, old, new)


def _fitting(names: Iterable[str], octets: int) -> bytes | None:
    """The newest names that fit into so many octets as JSON; None when there are none."""
    pieces, room = [], octets - 1  # a bracket; the other one is counted as the comma that the last does without
    for name in reversed(list(names)):
        piece = msgspec.json.encode(name)
        room -= len(piece) + 1
        if room < 0:
            break
        pieces.append(piece)
    return b"[" + b",".join(reversed(pieces)) + b"]" if pieces else None
