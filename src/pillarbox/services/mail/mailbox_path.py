"""Mailboxes by their path from the root, as archives name them, and the roles of usual names (RFC 8621 §2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.mailbox_name import from_level, means_inbox, means_others
from pillarbox.datatypes.mailbox_tree import path_to
from pillarbox.datatypes.view import Transaction, View

Path = tuple[str, ...]
INBOX: Path = ("INBOX",)
_SEPARATOR = "/"

# Names by which programs call the mailboxes that have roles, without regard to case.
ROLE_NAMES: Mapping[str, str] = {
    name: role
    for role, names in {
        "archive": ("archive", "archives"),
        "drafts": ("draft", "drafts"),
        "junk": ("bulk", "bulk mail", "junk", "junk e-mail", "junk email", "junk mail", "spam"),
        "sent": ("sent", "sent items", "sent mail", "sent messages", "sent-mail"),
        "trash": ("bin", "deleted", "deleted items", "deleted messages", "trash"),
    }.items()
    for name in names
}


def parse_path(text: str) -> Path:
    """A path as people type it, with slashes. Empty names are left out."""
    return tuple(name for name in (part.strip() for part in text.split(_SEPARATOR)) if name)


def paths_of(view: View, account: str) -> dict[str, Path]:
    """The path of each mailbox of an account by its id; the inbox is INBOX, whatever its name, and no other is."""
    boxes = {box.id: box for box in view.all(MAILBOX, account)}
    return {id: path_to(boxes, box) for id, box in boxes.items()}


def find_or_make(tx: Transaction, account: str, paths: Iterable[Path]) -> dict[Path, str | Fault]:
    """The mailbox of each path, made with its parents when it is not there; a Fault where the rules say no.

    A usual name such as "Spam" at the top means the mailbox that has the role, unless one has just that name.
    """
    tree = _Tree(tx, account)
    out: dict[Path, str | Fault] = {}
    for path in paths:
        try:
            with tx.savepoint():
                out[path] = tree.walk(path)
        except Fault as fault:
            out[path] = fault
            tree = _Tree(tx, account)  # what was made on the way is undone
    return out


class _Tree:
    """The mailboxes of an account by parent and name, and by role."""

    def __init__(self, tx: Transaction, account: str) -> None:
        self._tx = tx
        self._account = account
        boxes = tx.all(MAILBOX, account)
        self._by_name: dict[tuple[str | None, str], str] = {(box.parent_id, box.name): box.id for box in boxes}
        self._by_role: dict[str, str] = {box.role: box.id for box in boxes if box.role is not None}

    def walk(self, path: Path) -> str:
        """The id at the end of a path. Raises Fault."""
        if not path:
            raise Fault(Kind.NOT_FOUND, "a mailbox has a name")
        at: str | None = None
        for level in path:
            name = from_level(level)
            role = self._role(name) if at is None else None
            if at is None and means_others(name):
                name += "_"
            found = self._by_name.get((at, name)) if role != "inbox" else None
            if found is None and role is not None:
                found = self._by_role.get(role)
            at = found if found is not None else self._make(name, at, role)
        assert at is not None
        return at

    def _role(self, name: str) -> str | None:
        return "inbox" if means_inbox(name) else ROLE_NAMES.get(name.casefold())

    def _make(self, name: str, parent: str | None, role: str | None) -> str:
        box = Mailbox(id=self._tx.new_id(MAILBOX), name=name, parent_id=parent, role=role)
        self._tx.write(MAILBOX, self._account, None, box)
        self._by_name[parent, name] = box.id
        if role is not None:
            self._by_role[role] = box.id
        return box.id
