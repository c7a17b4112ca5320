"""A zip archive as a tree, read entry by entry from its central directory, so that a million entries need no memory.

APPNOTE.TXT 6.3 with ZIP64; methods stored and deflate. Encrypted archives and archives in several pieces are refused.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pillarbox.formats.archive.inflate import InflatedStream, deflate_decompressor, stored_decompressor
from pillarbox.formats.archive.mailbox_name import label_path
from pillarbox.formats.archive.manifest import MANIFEST_NAME
from pillarbox.formats.archive.message import ArchiveError, DamagedMember, Estimate, ReadOptions, Skips
from pillarbox.formats.archive.tree import Expansion, Member
from pillarbox.formats.archive.zip_directory import Entry, ZipDirectory

_LOCAL = struct.Struct("<4s22xHH")
_LOCAL_SIGNATURE = b"PK\x03\x04"


class ZipTree:
    """The files of a zip archive, in the order of its central directory."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._options = options
        self._data = path.open("rb")
        self._packed_octets = os.fstat(self._data.fileno()).st_size
        self._position = 0
        self._manifest_file: io.BufferedReader | None = None
        try:
            self._directory = ZipDirectory(path)
        except BaseException:
            self._data.close()
            raise
        try:
            self._expansion = Expansion(self._packed_octets, options)
            self._manifest_entry, self._estimate = self._survey()
        except BaseException:
            self.close()
            raise

    def _survey(self) -> tuple[Entry | None, Estimate]:
        manifest, messages, octets, only_messages = None, 0, 0, True
        for entry in self._directory.entries():
            if entry.encrypted:
                raise ArchiveError("the zip archive is encrypted; unpack it with its password and import the result")
            octets += entry.packed_octets
            if entry.name == MANIFEST_NAME:
                manifest = entry
            elif entry.name.lower().endswith(".eml"):
                messages += 1
            elif entry.is_file:
                only_messages = False
        return manifest, Estimate(messages if only_messages else None, octets)

    @property
    def position(self) -> int:
        return self._position

    def estimate(self) -> Estimate:
        """Messages, if all files are `.eml`, and packed octets."""
        return self._estimate

    def members(self, skips: Skips) -> Iterator[Member]:
        """Yield the regular files; links and unknown compression methods are skipped."""
        self._position = 0
        self._expansion = Expansion(self._packed_octets, self._options)
        for entry in self._directory.entries():
            start = self._position
            key = f"{entry.name}#{entry.header_offset}"
            if entry.is_link:
                skips.add(key, "a symbolic link")
            elif entry.is_file and entry.method not in (0, 8):
                skips.add(key, f"compression method {entry.method} is not supported")
            elif entry.is_file:
                path = label_path(entry.name.replace("\\", "/").split("/"))
                yield Member(path, key, entry.modified_at, trusted_time=True, open=partial(self._open, entry))
            self._position = start + entry.packed_octets

    def manifest(self) -> io.BufferedReader | None:
        """Open the manifest, through a handle of its own, since it is read beside the messages."""
        if self._manifest_entry is None or self._manifest_entry.method not in (0, 8):
            return None
        if self._manifest_file is None:
            self._manifest_file = self._path.open("rb")
        return self._stream(_Packed(self._manifest_file, self._manifest_entry, self._directory.shift))

    def _open(self, entry: Entry) -> io.BufferedReader:
        return self._stream(_Packed(self._data, entry, self._directory.shift), self._advance)

    def _stream(self, packed: "_Packed", advance: Callable[[int], None] | None = None) -> io.BufferedReader:
        entry = packed.entry

        def read(octets: int) -> bytes:
            data = packed.read(octets)
            if advance is not None:
                advance(len(data))
            return data

        make = deflate_decompressor if entry.method == 8 else partial(stored_decompressor, entry.octets)
        return io.BufferedReader(InflatedStream(read, make, _Checked(entry, self._expansion)), 1 << 16)

    def _advance(self, octets: int) -> None:
        self._position += octets

    def close(self) -> None:
        """Close the archive."""
        self._data.close()
        self._directory.close()
        if self._manifest_file is not None:
            self._manifest_file.close()


class _Packed:
    """The packed octets of one entry; the place is taken from the entry's local header."""

    def __init__(self, file: io.BufferedReader, entry: Entry, shift: int) -> None:
        self.entry = entry
        self._file = file
        self._left = entry.packed_octets
        self._at = self._start(entry.header_offset + shift)

    def _start(self, header_at: int) -> int:
        self._file.seek(header_at)
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_SIGNATURE):
            raise DamagedMember("the local header of the zip entry is missing")
        _, name_octets, extra_octets = _LOCAL.unpack(header)
        return header_at + _LOCAL.size + int(name_octets) + int(extra_octets)

    def read(self, octets: int) -> bytes:
        self._file.seek(self._at)
        data = self._file.read(min(octets, self._left))
        self._at += len(data)
        self._left -= len(data)
        return data


class _Checked:
    """Compares checksum and size at the end, and spends the archive's allowance."""

    def __init__(self, entry: Entry, expansion: Expansion) -> None:
        self._entry = entry
        self._expansion = expansion
        self._checksum = 0
        self._octets = 0

    def take(self, piece: bytes) -> None:
        self._expansion.spend(len(piece))
        self._checksum = zlib.crc32(piece, self._checksum)
        self._octets += len(piece)

    def finish(self) -> None:
        if (self._checksum, self._octets) != (self._entry.checksum, self._entry.octets):
            raise DamagedMember("checksum or size of the zip entry do not agree")
