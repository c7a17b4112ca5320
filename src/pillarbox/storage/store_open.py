"""Opens the store that the settings name."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from pillarbox.core.limits import Limits
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.database import StoreError
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store

_TELLING = ("host=", "hostaddr=", "port=", "dbname=", "options=")  # parts of a query that say which database it is


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


def name_of(url: str | None, folder: Path) -> str:
    """Which store that is, for people and for comparing; a URL without its user, its password and other secrets."""
    if url is None:
        return str(folder.absolute())
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    told = [unquote(part) for part in parts.query.split("&") if part.startswith(_TELLING)]
    return f"PostgreSQL {host}{parts.path}" + "".join(f" {part}" for part in told)
