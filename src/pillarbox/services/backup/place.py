"""Opens the repository that a word on the command line names: a directory, or the URL of an object store."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.target import BackupError, DirectoryTarget
from pillarbox.storage.blob_url import BlobAccess, parse_blob_url


def open_repository(place: str, access: BlobAccess | None = None) -> Repository:
    """The repository at a place; whether it is one is seen when it is used. Raises BackupError.

    Without `access`, keys for an object store come from the environment (AWS_ACCESS_KEY_ID and so on).
    """
    if "://" not in place:
        return Repository(DirectoryTarget(Path(place)))
    if importlib.util.find_spec("obstore") is None:
        raise BackupError("backups in S3 need the library obstore: install pillarbox[s3]")
    from pillarbox.services.backup.s3_target import S3Target  # noqa: PLC0415 -- only who has it pays for it

    try:
        return Repository(S3Target(parse_blob_url(place), access or BlobAccess()))
    except ValueError as error:
        raise BackupError(f"the place for backups: {error}") from None
