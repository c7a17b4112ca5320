"""Annotation: a named value that a client keeps with a mailbox, or with the account (RFC 5464).

No method of JMAP shows it, and no push tells of it. It belongs to everybody who may read the mailbox, or to one user.
"""

from __future__ import annotations

from collections.abc import Mapping

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import DataType, Record, Rules
from pillarbox.datatypes.mark import Immutable, Indexed
from pillarbox.datatypes.view import Transaction, View

SHARED = ""  # as the user: everybody's
OWNER = "."  # as the user: the account's own; its id is another when it has come back out of a backup
ACCOUNT_ITSELF = ""  # as the mailbox: none


class Annotation(Record, frozen=True, kw_only=True):
    """One entry, `entry` without its first part (/private or /shared), in lower case, and with no value once removed.

    It keeps its name when it loses its value, so that those who hear of changes can be told which entry it was
    (RFC 5465 §5.6); such a one makes room when there is no other.
    """

    mailbox_id: Immutable[Indexed[str]] = ACCOUNT_ITSELF
    user: Immutable[Indexed[str]] = SHARED  # or OWNER, or the account of somebody to whom this one is open
    entry: Immutable[str]
    value: bytes | None


class AnnotationRules(Rules[Annotation]):
    """They are bounded: each in size, and their number for each mailbox and each user."""

    def check(self, tx: Transaction, account: str, old: Annotation | None, new: Annotation | None) -> None:
        if new is not None and len(new.value or b"") > tx.limits.max_size_annotation:
            raise Fault(Kind.TOO_LARGE, f"a value has at most {tx.limits.max_size_annotation} octets")


ANNOTATION: DataType[Annotation] = DataType(
    Annotation,
    letter="n",
    capability=MAIL,
    methods=frozenset(),
    rules=AnnotationRules(),
    unique_key=lambda one: f"{one.mailbox_id} {one.user} {one.entry}",
    push=False,
)


def annotations_of(view: View, account: str, mailbox: str, user: str) -> dict[str, Annotation]:
    """All entries of a mailbox, or of the account itself, that belong to a user or to everybody; by name."""
    ids = [id for _, id in view.find(ANNOTATION, account, "mailboxId", [mailbox])]
    found = view.get_many(ANNOTATION, account, ids)
    return {one.entry: one for one in found.values() if one.user == user}


def annotate(tx: Transaction, account: str, mailbox: str, user: str, values: Mapping[str, bytes | None]) -> None:
    """Set entries, or with None remove them.

    Raises Fault: tooLarge for a value, overQuota when there are too many entries; then nothing must be kept.
    """
    present = annotations_of(tx, account, mailbox, user)
    removed = [one for one in present.values() if one.value is None and one.entry not in values]
    for entry, value in values.items():
        old = present.get(entry)
        if old is not None:
            new = Annotation(id=old.id, mailbox_id=mailbox, user=user, entry=entry, value=value)
            tx.write(ANNOTATION, account, old, new)
        elif value is not None:
            if len(present) >= tx.limits.max_annotations_of_mailbox and removed:
                gone = removed.pop()
                del present[gone.entry]
                tx.write(ANNOTATION, account, gone, None)
            _check_room(tx, account, user, len(present))
            id = tx.new_id(ANNOTATION)
            present[entry] = Annotation(id=id, mailbox_id=mailbox, user=user, entry=entry, value=value)
            tx.write(ANNOTATION, account, None, present[entry])


def _check_room(tx: Transaction, account: str, user: str, count: int) -> None:
    limits = tx.limits
    everywhere = len(tx.find(ANNOTATION, account, "user", [user]))
    if count >= limits.max_annotations_of_mailbox or everywhere >= limits.max_annotations:
        raise Fault(Kind.OVER_QUOTA, "there are too many annotations")


def copy_annotations(tx: Transaction, account: str, source: str, target: str) -> None:
    """Have another, new mailbox the same annotations, of all users, as far as there is room (RFC 5464 §4.1)."""
    ids = [id for _, id in tx.find(ANNOTATION, account, "mailboxId", [source])]
    for one in tx.get_many(ANNOTATION, account, ids).values():
        if one.value is not None and len(tx.find(ANNOTATION, account, "user", [one.user])) < tx.limits.max_annotations:
            new = Annotation(
                id=tx.new_id(ANNOTATION), mailbox_id=target, user=one.user, entry=one.entry, value=one.value
            )
            tx.write(ANNOTATION, account, None, new)


def drop_annotations(tx: Transaction, account: str, mailbox: str) -> None:
    """Remove all annotations of a mailbox that is destroyed."""
    ids = [id for _, id in tx.find(ANNOTATION, account, "mailboxId", [mailbox])]
    for one in tx.get_many(ANNOTATION, account, ids).values():
        tx.write(ANNOTATION, account, one, None)
