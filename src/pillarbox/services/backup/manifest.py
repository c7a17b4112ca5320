"""What a backup consists of: written last, so that a backup without a manifest does not exist.

A manifest names every object that it needs. Backups share objects, but none needs another's manifest.
"""

from __future__ import annotations

import hashlib

import msgspec

from pillarbox.services.backup.target import BackupError

FORMAT = 1
_SUM = 32


class ObjectRef(msgspec.Struct, frozen=True):
    """An object: its name is the digest of its octets; `size` is compressed, `raw` (None: not known) is not."""

    name: str
    size: int
    raw: int | None


class AccountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a backup.

    `objects` are the places in `Manifest.objects` that hold its rows, in the order in which they are taken in; `items`
    is how many rows that are, `counts` how many there are in the store then. `tail` is a digest of what has no number.
    """

    id: str
    name: str
    modseq: int
    epoch: int
    tail: str
    objects: list[int]
    items: int
    counts: dict[str, int]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup. `scope` are the names of the accounts that it is limited to, none for all."""

    format: int
    id: str
    parent: str | None
    started_at: str
    finished_at: str
    version: str
    schema: int
    scope: list[str]
    objects: list[ObjectRef]
    packs: list[ObjectRef]
    accounts: list[AccountEntry]
    added_octets: int
    damaged: list[str] = []

    def account(self, id: str) -> AccountEntry | None:
        """The entry of an account."""
        return next((entry for entry in self.accounts if entry.id == id), None)


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """JSON and a newline, then its BLAKE2b digest in hexadecimal and a newline."""
    body = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    return body + _sum(body)


def parse_manifest(data: bytes, schema: int) -> Manifest:
    """Read a manifest. Raises BackupError for a damaged one, and for one that a newer Pillarbox has written."""
    body, mark = data[: -2 * _SUM - 1], data[-2 * _SUM - 1 :]
    if _sum(body) != mark:
        raise BackupError("the manifest is damaged: its digest is wrong")
    head = msgspec.json.decode(body, type=_Head)
    if head.format > FORMAT or head.schema > schema:
        raise BackupError(
            f"the backup was made by a newer Pillarbox ({head.version}: format {head.format}, schema {head.schema}); "
            f"this one knows up to format {FORMAT}, schema {schema}. Restore with the newer version"
        )
    return msgspec.json.decode(body, type=Manifest)


class _Head(msgspec.Struct):
    format: int
    version: str
    schema: int


def _sum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_SUM).hexdigest().encode() + b"\n"
