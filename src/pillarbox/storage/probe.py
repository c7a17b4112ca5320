"""A write that changes nothing and costs a commit: whether the store can be written is known only by writing."""

from __future__ import annotations

from pillarbox.core.account import DIRECTORY
from pillarbox.storage.database import StoreError
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction

_PROBE = "probe"


def write_probe(tx: Transaction) -> None:
    """Put a piece of work in the outbox and take it out again.

    An update to the same value would not do: SQLite sees that nothing changes, and writes nothing.
    """
    tx.db.run(
        "INSERT INTO outbox (account, id, due_at, kind, item, blob, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (DIRECTORY, _PROBE, 0, _PROBE, "", "", b""),
    )
    tx.db.run("DELETE FROM outbox WHERE account = ? AND id = ?", (DIRECTORY, _PROBE))


def read_probe(view: Snapshot) -> None:
    """Read the directory's row. Raises StoreError when there is none."""
    if view.db.row("SELECT modseq FROM account WHERE id = ?", (DIRECTORY,)) is None:
        raise StoreError("the store has no directory")


def outbox_size(view: Snapshot) -> int:
    """How much work waits in the outbox."""
    found = view.db.row("SELECT COUNT(*) FROM outbox")
    return int(str(found[0])) if found else 0
