"""Brings an account back out of a backup into a store that is in use: as a new account, with all that it had.

It has a new id, so that no client can hold states of it. Until the end it belongs to nobody, and a note has what is
there of it deleted after a day, should the end not come.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.datatypes.admin.account import ACCOUNT, Account
from pillarbox.datatypes.admin.domain import place_address, refuse_taken
from pillarbox.datatypes.admin.removal import REMOVAL, Removal
from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.services.backup.manifest import AccountEntry, Manifest
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import Outcome, octets_of, take_in
from pillarbox.services.backup.run import Progress
from pillarbox.services.backup.target import BackupError
from pillarbox.services.backup.text import index_texts
from pillarbox.services.backup.unsent import told_as_unsent
from pillarbox.storage.container import complete_containers
from pillarbox.storage.dump.digest import counts
from pillarbox.storage.dump.finish import finish
from pillarbox.storage.dump.item import Item, OutboxItem, RecordItem
from pillarbox.storage.record import decoded
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

_DAY_MS = 86_400_000
_COMPARED = ("record", "part", "member", "container", "email_index")


def entry_named(manifest: Manifest, name: str) -> AccountEntry:
    """The account of this name in a backup. Raises BackupError."""
    for entry in manifest.accounts:
        if entry.name == name and entry.id != DIRECTORY:
            return entry
    raise BackupError(f"the backup {manifest.id} has no account {name}")


def restore_account(
    repository: Repository,
    manifest: Manifest,
    store: Store,
    name: str,
    new_name: str | None = None,
    on_progress: Progress = lambda _done, _of: None,
) -> Outcome:
    """Restore an account, under another name if one is given. Raises BackupError, and Fault when the name is taken.

    What it was about to send is left out, as its submissions then say, and so are app passwords, in which the old id is
    written.
    """
    entry = entry_named(manifest, name)
    outcome = Outcome(backup=manifest.id, accounts=1)
    before = _as_it_was(repository, manifest, entry)
    wanted = msgspec.structs.replace(before, name=new_name or name)
    id = store.write(lambda tx: _begin(tx, wanted))

    def told(done: int) -> None:
        outcome.items = done
        on_progress(done, entry.items)

    take_in(store, _rows(repository, manifest, entry, id), octets_of(repository, manifest), told)
    missing = store.write(lambda tx: _check(tx, id, entry))
    outcome.missing = missing
    index_texts(store, id)
    store.write(lambda tx: _end(tx, id, wanted))
    return outcome


def _as_it_was(repository: Repository, manifest: Manifest, entry: AccountEntry) -> Account:
    """The directory's record of the account; a bare one when it had been removed by then."""
    found = Account(name=entry.name)
    directory = manifest.account(DIRECTORY)
    for item in repository.rows_of(manifest, directory) if directory is not None else ():
        if isinstance(item, RecordItem) and (item.type, item.id) == (ACCOUNT.name, entry.id) and item.body:
            record = decoded(ACCOUNT, item.body)
            found = record if isinstance(record, Account) else found
    return found


def _begin(tx: Transaction, wanted: Account) -> str:
    """Make room; returns the new id."""
    name, _ = place_address(tx, wanted.name, "name")
    id = tx.new_id(ACCOUNT)
    refuse_taken(tx, name, id)
    tx.add_account(id)
    now = tx.now_ms
    note = Removal(
        id=tx.new_id(REMOVAL),
        account_id=id,
        name=f"{name} (a restore that is not finished)",
        removed_at=utc_date(now),
        purge_at=utc_date(now + _DAY_MS),
    )
    tx.write(REMOVAL, DIRECTORY, None, note)
    return id


def _rows(repository: Repository, manifest: Manifest, entry: AccountEntry, id: str) -> Iterator[Item]:
    for item in repository.rows_of(manifest, entry):
        if isinstance(item, OutboxItem):
            continue
        told = told_as_unsent(item) if isinstance(item, RecordItem) else item
        yield msgspec.structs.replace(told, account=id)


def _check(tx: Transaction, id: str, entry: AccountEntry) -> list[str]:
    missing = finish(tx.db, id)
    found = counts(tx.db, id)
    if wrong := [table for table in _COMPARED if found[table] != entry.counts[table]]:
        raise BackupError(f"the account is not what the backup says it was ({', '.join(wrong)}); it was not restored")
    complete_containers(tx.db, id, tx.now_ms)
    return [f"{entry.name}: {one.type} {one.id}" for one in missing]


def _end(tx: Transaction, id: str, wanted: Account) -> None:
    """Give the data its account."""
    for app in tx.all(APP_PASSWORD, id):
        tx.write(APP_PASSWORD, id, app, None)
    for _, removal in tx.find(REMOVAL, DIRECTORY, "accountId", [id]):
        if (note := tx.get(REMOVAL, DIRECTORY, removal)) is not None:
            tx.write(REMOVAL, DIRECTORY, note, None)
    name, domain_id = place_address(tx, wanted.name, "name")
    there = tx.get_many(ACCOUNT, DIRECTORY, wanted.delegates)
    delegates = {delegate: right for delegate, right in wanted.delegates.items() if delegate in there}
    account = msgspec.structs.replace(wanted, id=id, name=name, domain_id=domain_id, delegates=delegates)
    tx.write(ACCOUNT, DIRECTORY, None, account)
