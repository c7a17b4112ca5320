"""Opens the store that the settings name."""

from __future__ import annotations

from pathlib import Path

from pillarbox.core.limits import Limits
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.database import StoreError
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store


def open_store_at(
    url: str | None, folder: Path, *, limits: Limits | None = None, blobs: BlobStore | None = None
) -> Store:
    """The store on a PostgreSQL server, or without a URL the embedded one in the data directory. Raises StoreError.

    Without `blobs`, large blobs are in the database there, and in files here.
    """
    if url is None:
        return EmbeddedStore(folder, limits=limits, blobs=blobs)
    try:
        from pillarbox.storage.postgresql.store import PostgresStore  # noqa: PLC0415 -- only who has it pays for it
    except ImportError as error:
        raise StoreError(f"PostgreSQL needs the library psycopg: install pillarbox[postgresql] ({error})") from None
    return PostgresStore(url, folder, limits=limits, blobs=blobs)
