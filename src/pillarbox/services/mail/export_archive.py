"""The mail of an account goes into an archive, oldest first, with its mailboxes, keywords and times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.condition import Order
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.view import View
from pillarbox.formats.archive import ArchiveWriter, Skips
from pillarbox.services.mail.mailbox_path import Path, paths_of
from pillarbox.storage.store import Store

_CHUNK = 100  # emails whose records are in memory


class Outcome(msgspec.Struct, kw_only=True):
    """What became of the emails."""

    exported: int = 0
    missing: Skips = msgspec.field(default_factory=Skips)  # whose octets are not in the store: `verify-data` says more


def export_archive(
    store: Store,
    account: str,
    writer: ArchiveWriter,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Outcome:
    """Write all emails that the account has when it begins; what is destroyed meanwhile is left out. Raises OSError.

    `on_progress` hears how many of how many are done. The caller closes the writer.
    """
    outcome = Outcome()
    ids = store.read(lambda view: [id for id, _ in view.select(EMAIL, account, None, [Order("received_at")])])
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        store.read(lambda view, chunk=chunk: _write(view, account, chunk, writer, outcome))  # type: ignore[misc]
        on_progress(start + len(chunk), len(ids))
    return outcome


def _write(view: View, account: str, ids: Sequence[str], writer: ArchiveWriter, outcome: Outcome) -> None:
    paths = paths_of(view, account)
    emails = view.get_many(EMAIL, account, ids)
    for email in (emails[id] for id in ids if id in emails):
        data = view.read_blob(account, email.blob_id)
        if data is None:
            outcome.missing.add(email.id, "its octets are missing from the store")
            continue
        writer.add(_paths(email, paths), data, _received(email), frozenset(email.keywords))
        outcome.exported += 1


def _paths(email: Email, paths: dict[str, Path]) -> list[Path]:
    return [paths[id] for id in sorted(email.mailbox_ids) if id in paths]


def _received(email: Email) -> datetime:
    return datetime.fromtimestamp((from_date(email.received_at) or 0) / 1000, UTC)
