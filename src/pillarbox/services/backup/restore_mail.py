"""Brings back mail out of a backup: mailboxes or single messages come into an account as an import does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Any

import msgspec

from pillarbox.core.clock import from_date
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.formats.archive import ArchivedMessage, Skips
from pillarbox.services.backup.manifest import AccountEntry, Manifest
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.restore import Octets, octets_of, take_in
from pillarbox.services.backup.target import BackupError
from pillarbox.services.mail.import_archive import Outcome, import_archive
from pillarbox.services.mail.mailbox_path import Path, paths_of
from pillarbox.services.mail.store_batch import Order
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store

_CHUNK = 200


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to come back: mailboxes with those below them, messages by their id or Message-ID."""

    mailboxes: Sequence[Path] = ()
    messages: Sequence[str] = ()


def restore_mail(
    repository: Repository,
    manifest: Manifest,
    entry: AccountEntry,
    store: Store,
    account: str,
    wanted: Wanted,
    order: Order,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Outcome:
    """Import what is wanted of an account in a backup. Raises BackupError when the backup has nothing of it.

    `on_progress` hears how many messages of how many are done.
    """
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        scratch = EmbeddedStore(FilePath(folder))
        try:
            take_in(scratch, repository.rows_of(manifest, entry), lambda _account, _blob: None)
            with scratch.snapshot() as view:
                mail = _Mail(view, entry.id, wanted, octets_of(repository, manifest))
                return import_archive(store, account, mail, order, lambda done: on_progress(done, mail.count))
        finally:
            scratch.close()


class _Mail:
    """The wanted messages, as an import reads them."""

    def __init__(self, view: Snapshot, account: str, wanted: Wanted, octets: Octets) -> None:
        self.skips = Skips()
        self.position = 0
        self._view, self._account, self._octets = view, account, octets
        self._paths = paths_of(view, account)
        self._ids = self._chosen(wanted)
        self.count = len(self._ids)

    def _chosen(self, wanted: Wanted) -> dict[str, list[Path]]:
        """The ids of the messages, each with the mailboxes that it is to come back in."""
        out: dict[str, list[Path]] = {}
        for path in wanted.mailboxes:
            boxes = [id for id, own in self._paths.items() if _is_within(own, path)]
            if not boxes:
                raise BackupError(f"there was no mailbox {'/'.join(path)} at the time of the backup")
            for box in boxes:
                for id in self._view.member_ids(EMAIL, self._account, box):
                    out.setdefault(id, []).append(self._paths[box])
        for word in wanted.messages:
            found = [word] if self._view.get(EMAIL, self._account, word) is not None else self._with_message_id(word)
            if not found:
                raise BackupError(f"there was no message {word} at the time of the backup")
            out.update((id, []) for id in found if id not in out)
        return out

    def _with_message_id(self, word: str) -> list[str]:
        word = word.strip().removeprefix("<").removesuffix(">")
        ids = self._view.ids(EMAIL, self._account, -1)
        out = []
        for start in range(0, len(ids), _CHUNK):
            listings = self._view.parts(EMAIL, self._account, ids[start : start + _CHUNK], "listing")
            out += [id for id, body in listings.items() if word in (_decode(body).get("messageId") or ())]
        return out

    def __iter__(self) -> Iterator[ArchivedMessage]:
        ids = list(self._ids)
        for start in range(0, len(ids), _CHUNK):
            emails = self._view.get_many(EMAIL, self._account, ids[start : start + _CHUNK])
            for email in emails.values():
                self.position += 1
                data = self._octets(self._account, email.blob_id)
                if data is None:
                    self.skips.add(email.id, "its octets were damaged before the backup")
                    continue
                yield self._message(email, data)

    def _message(self, email: Email, data: bytes) -> ArchivedMessage:
        at = datetime.fromtimestamp((from_date(email.received_at) or 0) / 1000, UTC)
        return ArchivedMessage(email.id, tuple(self._ids[email.id]), data, at, frozenset(email.keywords))


def _is_within(path: Path, above: Path) -> bool:
    return [name.casefold() for name in path[: len(above)]] == [name.casefold() for name in above]


def _decode(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(body)
    return found
