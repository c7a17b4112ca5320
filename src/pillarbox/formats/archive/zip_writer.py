"""Writing a zip archive of `.eml` files: a folder for each mailbox, and `manifest.jsonl` with what files cannot tell.

The directory of the archive and the manifest wait in temporary files, so that memory does not grow with the number of
messages.
"""

import os
import shutil
import tempfile
import zlib
from collections.abc import Collection
from datetime import UTC, datetime
from io import BufferedWriter
from pathlib import Path
from typing import IO

from pillarbox.core.durability import sync_directory
from pillarbox.formats.archive.closing import ClosingWriter
from pillarbox.formats.archive.mailbox_name import INBOX, file_name, is_inbox
from pillarbox.formats.archive.manifest import MANIFEST_NAME, ManifestEntry, entry_to_bytes, head_to_bytes
from pillarbox.formats.archive.message import ArchiveError, MailboxPath
from pillarbox.formats.archive.zip_record import ZipRecord, end_to_bytes

_STORED, _DEFLATED = 0, 8
_MOST_OCTETS = 0xFFFFFFFF
_CHUNK = 1 << 16


class ZipWriter(ClosingWriter):
    """Writes beside the final name, and takes the name when the archive is complete."""

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise ArchiveError(f"{path} exists already")
        self._path = path
        self._draft = path.with_name(path.name + ".part")
        self._file: BufferedWriter = self._draft.open("xb")
        self._central: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed by close and abort
        self._manifest: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 - likewise
        self._manifest.write(head_to_bytes())
        self._entries = 0

    def add(
        self, mailbox_paths: Collection[MailboxPath], data: bytes, received_at: datetime, keywords: frozenset[str]
    ) -> None:
        """Write the message once, in the folder of its first mailbox."""
        if not mailbox_paths:
            raise ValueError("a message is in at least one mailbox")
        paths = list(dict.fromkeys(INBOX if is_inbox(path) else path for path in mailbox_paths))
        folder = "/".join(file_name(label) for label in paths[0])
        name = f"{folder}/{self._entries + 1:07}.eml"
        self._store(name, data, received_at)
        at = received_at.astimezone(UTC)
        entry = ManifestEntry(name, [list(path) for path in paths], sorted(keywords), at, len(data))
        self._manifest.write(entry_to_bytes(entry))

    def _store(self, name: str, data: bytes, modified_at: datetime) -> None:
        if len(data) >= _MOST_OCTETS:
            raise ArchiveError("a message of 4 GiB or more cannot be written")
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        method = _DEFLATED if len(packed) < len(data) else _STORED
        packed = packed if method == _DEFLATED else data
        checksum = zlib.crc32(data)
        record = ZipRecord(name.encode(), method, checksum, len(packed), len(data), self._file.tell(), modified_at)
        self._file.write(record.local_to_bytes())
        self._file.write(packed)
        self._finish_record(record)

    def _finish_record(self, record: ZipRecord) -> None:
        self._central.write(record.central_to_bytes())
        self._entries += 1

    def close(self) -> None:
        """Write manifest and directory, wait for stable storage, and give the archive its name."""
        try:
            self._store_manifest()
            start, octets = self._file.tell(), self._central.tell()
            self._central.seek(0)
            shutil.copyfileobj(self._central, self._file, _CHUNK)
            self._file.write(end_to_bytes(self._entries, octets, start))
            self._file.flush()
            os.fsync(self._file.fileno())
        except BaseException:
            self.abort()
            raise
        self._close_files()
        self._draft.rename(self._path)
        sync_directory(self._path.parent)

    def _store_manifest(self) -> None:
        start, now = self._file.tell(), datetime(1980, 1, 1, tzinfo=UTC)
        octets = self._manifest.tell()
        empty = ZipRecord(MANIFEST_NAME.encode(), _DEFLATED, 0, 0, octets, start, now)
        self._file.write(empty.local_to_bytes())
        checksum, packed_octets = self._pack_manifest()
        record = ZipRecord(empty.name, _DEFLATED, checksum, packed_octets, octets, start, now)
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(record.local_to_bytes())
        self._file.seek(end)
        self._finish_record(record)

    def _pack_manifest(self) -> tuple[int, int]:
        packer, checksum, packed_octets = zlib.compressobj(6, zlib.DEFLATED, -15), 0, 0
        self._manifest.seek(0)
        while chunk := self._manifest.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
            packed_octets += self._file.write(packer.compress(chunk))
        return checksum, packed_octets + self._file.write(packer.flush())

    def abort(self) -> None:
        """Remove the unfinished archive."""
        self._close_files()
        self._draft.unlink(missing_ok=True)

    def _close_files(self) -> None:
        for file in (self._file, self._central, self._manifest):
            file.close()
