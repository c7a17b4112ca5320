"""The file of a large blob, for tests that damage it."""

from pathlib import Path

from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.store import Store


def file_of(store: Store, blob: str) -> Path:
    """Where the blob is when the store keeps large blobs in files."""
    assert isinstance(store.blobs, FileBlobs)
    return store.blobs.path(blob)
