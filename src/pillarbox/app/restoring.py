"""A mark in a data directory that a restore is under way, or was broken off: nobody else may use the store then."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pillarbox.storage.database import StoreError

_MARK = "restoring"


def begin_restore(folder: Path, backup: str) -> None:
    """Mark an empty directory, or go on where the same backup was being restored. Raises StoreError."""
    mark = folder / _MARK
    if mark.is_file():
        if mark.read_text("utf-8").strip() == backup:
            return
        # Rows of two backups must not be mixed: begin again.
        shutil.rmtree(folder / "blobs", ignore_errors=True)
        for path in folder.glob("pillarbox.sqlite3*"):
            path.unlink()
    elif folder.is_dir() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty: a backup is restored into an empty data directory")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with mark.open("w", encoding="utf-8") as file:
            file.write(f"{backup}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}") from error


def end_restore(folder: Path) -> None:
    """The store is whole."""
    (folder / _MARK).unlink()


def refuse_half_restored(folder: Path) -> None:
    """Raise StoreError when a restore into the directory did not come to its end."""
    mark = folder / _MARK
    if mark.is_file():
        backup = mark.read_text("utf-8").strip()
        raise StoreError(
            f"{backup} was being restored into {folder}, and is not there as a whole; run the same command again"
        )
