"""Opens the store of large blobs that the settings name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.blob_url import BlobAccess, parse_blob_url
from pillarbox.storage.database import StoreError


def open_blobs(url: str | None, access: BlobAccess, folder: Path) -> BlobStore:
    """The store that the URL names; without one, files in the folder. Nothing is connected to. Raises StoreError."""
    if url is None:
        return FileBlobs(folder)
    if importlib.util.find_spec("obstore") is None:
        raise StoreError("blobs in S3 need the library obstore: install pillarbox[s3]")
    from pillarbox.storage.blob_s3 import S3Blobs  # noqa: PLC0415 -- only who has it pays for it

    try:
        return S3Blobs(parse_blob_url(url), access, spool_folder=folder.parent)
    except ValueError as error:
        raise StoreError(f"the URL of the blob store: {error}") from None
