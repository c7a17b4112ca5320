"""Comparing a store with what was made of a backup of it."""

from pathlib import Path
from typing import Any

from pillarbox.datatypes.email import EMAIL
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import restore
from pillarbox.services.backup.run import KINDS
from pillarbox.services.backup.target import DirectoryTarget
from pillarbox.services.verify.run import verify
from pillarbox.storage.dump.digest import AccountDigest, account_digest
from pillarbox.storage.dump.walk import accounts
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock

_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'table'"
_POSTGRESQL = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?"
# What is a store's own; the texts are compared by searching them.
_OWN = ("sqlite_", "text_", "large_blob", "schema_version", "backup", "unwanted_blob", "ticket", "unfinished")


def repository(folder: Path) -> Repository:
    return Repository(DirectoryTarget(folder))


def digests(store: Store) -> dict[str, AccountDigest]:
    """What each account has."""
    with store.snapshot() as view:
        return {state.id: account_digest(view.db, state.id) for state in accounts(view.db, KINDS)}


def rows(store: Store) -> dict[str, list[Any]]:
    """Every row of the tables that a backup is to bring back, but what the engine numbers for itself."""
    out = {}
    with store.snapshot() as view:
        tables = (name for (name,) in view.db.rows(_SQLITE if isinstance(store, EmbeddedStore) else _POSTGRESQL))
        for name in (str(name) for name in tables if not str(name).startswith(_OWN)):
            columns = ", ".join(_columns(store, view, name))
            out[name] = sorted(view.db.rows(f"SELECT {columns} FROM {name}"), key=repr)  # noqa: S608
    return out


def _columns(store: Store, view: Snapshot, table: str) -> list[str]:
    """All columns of a table in one order, but a document's number in the index."""
    if isinstance(store, EmbeddedStore):
        found = {str(row[1]) for row in view.db.rows(f"PRAGMA table_info({table})")}
    else:
        found = {str(name) for (name,) in view.db.rows(_COLUMNS, (table,))}
    return sorted(found - {"doc"})


def found_by(store: Store, account: str, words: tuple[str, ...]) -> dict[str, set[str]]:
    """The emails that searches find."""
    from pillarbox.datatypes.condition import Matches  # noqa: PLC0415

    with store.snapshot() as view:
        return {w: {id for id, _ in view.select(EMAIL, account, Matches((), w), [])} for w in words}


def restored(
    source: Repository, folder: Path, at: str | None = None, clock: SetClock | None = None, *, new_epoch: bool = False
) -> EmbeddedStore:
    """A new store with what is in a backup, which has to be sound."""
    store = EmbeddedStore(folder, clock=clock)
    with source.opened():
        outcome = restore(source, source.find(at), store, new_epoch=new_epoch)
    assert outcome.missing == []
    report = verify(store)
    assert report.is_sound, report.findings
    return store
