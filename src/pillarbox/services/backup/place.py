"""Opens the repository that a word on the command line names: a directory, or the URL of an object store."""

from __future__ import annotations

from pathlib import Path

from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.target import BackupError, DirectoryTarget


def open_repository(place: str) -> Repository:
    """The repository at a place; whether it is one is seen when it is used. Raises BackupError."""
    if "://" in place:
        raise BackupError(f"{place}: backups go to a directory; this kind of place is not known")
    return Repository(DirectoryTarget(Path(place)))
