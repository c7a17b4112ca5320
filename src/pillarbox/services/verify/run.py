"""The check as a whole: the database file, then each account, then what belongs to none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault
from pillarbox.datatypes.admin.removal import REMOVAL
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.registry import TYPES
from pillarbox.services.verify.blob import check_blobs, check_outbox
from pillarbox.services.verify.finding import LIMIT, Finding, Ground
from pillarbox.services.verify.mail import check_mail, check_search
from pillarbox.services.verify.member import check_index, check_members
from pillarbox.services.verify.record import check_numbers, check_records
from pillarbox.storage import verify as rows
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store

Check = Callable[[Ground], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    check_records,
    check_numbers,
    check_members,
    check_index,
    check_mail,
    check_search,
    check_blobs,
    check_outbox,
)
_KEPT = 10_000
# What a check may meet in data that was never meant to be.
_STOPPERS: tuple[type[Exception], ...] = (*rows.ENGINE_ERRORS, ValueError, TypeError, KeyError, Fault)


class Report(msgspec.Struct, kw_only=True):
    """What was found: all of it is counted by rule, the first of it kept."""

    accounts: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    findings: list[Finding] = msgspec.field(default_factory=list)
    orphans: int = 0  # files that no blob names: harmless, a running server sweeps them

    def add(self, finding: Finding) -> None:
        """Note what is wrong."""
        self.counts[finding.rule] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(finding)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts


def verify(
    store: Store,
    *,
    quick: bool = False,
    types: tuple[DataType[Any], ...] = TYPES,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Report:
    """Check the store on one snapshot; `quick` reads no messages. `on_progress` hears how many accounts of how many."""
    report = Report()
    with store.snapshot() as view:
        try:
            for finding in _all(view, types, report, on_progress, quick=quick):
                report.add(finding)
        except rows.ENGINE_ERRORS as error:
            report.add(Finding("database", "", "", "", f"the check could not go on: {error}"))
    _forgive_the_gone(store, report)
    return report


def _all(
    view: Snapshot,
    types: tuple[DataType[Any], ...],
    report: Report,
    on_progress: Callable[[int, int], None],
    *,
    quick: bool,
) -> Iterator[Finding]:
    for line in rows.integrity(view.db, quick=quick):
        yield Finding("database", "", "", "", line)
    for table, account in rows.homeless(view.db):
        yield Finding("account", account, "", "", f"the table {table} has rows of it, but there is no such account")
    # Listed after the snapshot began: what it refers to is there by now.
    outside = _outside(view.blobs)
    if outside is None:
        yield Finding("blob store", "", "", "", "it cannot be listed; the log says why")
    going = {removal.account_id for removal in view.all(REMOVAL, DIRECTORY) if removal.is_due(view.now_ms)}
    found = [(id, modseq) for id, modseq in rows.accounts(view.db) if id not in going]  # those are being deleted
    for done, (account, modseq) in enumerate(found):
        on_progress(done, len(found))
        ground = Ground(view, account, modseq, types, quick, outside)
        for check in CHECKS:
            yield from _guarded(check, ground)
        report.accounts += 1
    on_progress(len(found), len(found))
    for doc in rows.stray_texts(view.db, LIMIT):
        yield Finding("text index", "", "Email", str(doc), "the text index has a document of no email")
    report.orphans = len(outside.keys() - rows.file_names(view.db)) if outside else 0


def _outside(blobs: BlobStore) -> dict[str, int] | None:
    """The sizes of all blobs outside of the database, by their ids; None when it cannot be said."""
    try:
        return {stored.name: stored.size for page in blobs.pages() for stored in page}
    except Fault:
        return None


def _guarded(check: Check, ground: Ground) -> Iterator[Finding]:
    """A check that the damage itself brings down tells so, and the others go on."""
    try:
        yield from check(ground)
    except _STOPPERS as error:
        yield ground.finding("database", "", "", f"{check.__name__} could not go on: {error}")


def _forgive_the_gone(store: Store, report: Report) -> None:
    """A file that was swept since the snapshot was taken is not missing: its blob is gone by now, too."""
    if not report.counts["blob file"]:
        del report.counts["blob file"]
        return
    with store.snapshot() as view:
        kept = [f for f in report.findings if f.rule != "blob file" or view.blob_size(f.account, f.id) is not None]
    report.counts["blob file"] -= len(report.findings) - len(kept)
    report.findings = kept
    if not report.counts["blob file"]:
        del report.counts["blob file"]
