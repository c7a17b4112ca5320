"""The mailboxes of an account as a session that has asked for notifications saw them last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pillarbox.core.account import Access
from pillarbox.datatypes.annotation import ANNOTATION
from pillarbox.datatypes.membership import Container
from pillarbox.datatypes.view import View
from pillarbox.servers.imap.namespace import Names, prefix_of


class Seen(NamedTuple):
    """A mailbox by its name; `label` and `parent` are its own place, which is the same when one above is renamed."""

    account: str
    name: str
    label: str
    parent: str | None
    role: str | None
    is_subscribed: bool


class Sight(NamedTuple):
    """An account: its mailboxes and the numbers of those that are watched, by id; the state of its annotations."""

    mailboxes: Mapping[str, Seen]
    numbers: Mapping[str, Container]
    annotations: int

    def has_children(self, id: str) -> bool:
        """Whether there are mailboxes below this one."""
        return any(seen.parent == id for seen in self.mailboxes.values())


NOTHING = Sight({}, {}, 0)


def look_at(view: View, names: Names, access: Access, own: str, is_watched: Callable[[Seen], bool]) -> Sight:
    """An account as it is; `own` is the account whose mailboxes stand at the top."""
    prefix = prefix_of(access) if access.account != own else ""
    mailboxes = {
        box.id: Seen(access.account, prefix + name, box.name, box.parent_id, box.role, box.is_subscribed)
        for name, box in names.of(view, access.account).items()
    }
    watched = [id for id, seen in mailboxes.items() if is_watched(seen)]
    numbers = view.containers(access.account, watched) if watched else {}
    in_order = {id: numbers[id] for id in watched if id in numbers}
    return Sight(mailboxes, in_order, view.state(ANNOTATION, access.account))


def passed_over(known: Sight, before: Sight, after: Sight) -> Sight:
    """What is known, with what a transaction has changed of it, as far as nobody else had changed that before."""
    told = {id: value for id, value in after.numbers.items() if known.numbers.get(id) == before.numbers.get(id)}
    return Sight(
        after.mailboxes if known.mailboxes == before.mailboxes else known.mailboxes,
        {**known.numbers, **told},
        after.annotations if known.annotations == before.annotations else known.annotations,
    )
