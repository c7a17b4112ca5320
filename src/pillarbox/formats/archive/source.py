"""Mail archives as one stream of messages, whatever they are: mbox, Maildir, directories and archives of messages.

Maildir, Maildir++ and nested Maildirs; directories and zip, tar, tar.gz, tar.bz2, tar.xz archives of `.eml` files,
Maildirs and mbox files; a single message; an mbox, also compressed. Archives within archives are not opened.
"""

from collections.abc import Container, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

from pillarbox.formats.archive.directory import DirectoryTree
from pillarbox.formats.archive.inflate import decompressor_for
from pillarbox.formats.archive.manifest import ManifestReader
from pillarbox.formats.archive.member import MemberReader
from pillarbox.formats.archive.member_kind import HEAD_OCTETS, Kind, kind_by_head
from pillarbox.formats.archive.message import (
    ArchivedMessage,
    ArchiveError,
    DamagedMember,
    Estimate,
    ReadOptions,
    Skips,
)
from pillarbox.formats.archive.tar_header import is_tar
from pillarbox.formats.archive.tar_reader import TarTree
from pillarbox.formats.archive.tree import Tree
from pillarbox.formats.archive.zip_reader import ZipTree

_DEFAULTS = ReadOptions()


def open_source(path: Path | str, options: ReadOptions = _DEFAULTS) -> "Source":
    """Open a mail archive; what it is, is told by its content.

    Raises ArchiveError, with a text for a person, if it is not there, may not be read, or is no mail archive.
    """
    path = Path(path)
    try:
        return Source(_tree(path, options), options)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}") from error


def _tree(path: Path, options: ReadOptions) -> Tree:
    if path.is_dir():
        return DirectoryTree(path)
    if not path.is_file():
        raise ArchiveError(f"{path} is not there" if not path.exists() else f"{path} is neither a file nor a directory")
    with path.open("rb") as file:
        head = file.read(HEAD_OCTETS)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZipTree(path, options)
    if decompressor_for(head) is not None or is_tar(head):
        return TarTree(path, options)
    names = (path.name,)
    if head and kind_by_head(names, head, alone=True) not in (Kind.MBOX, Kind.MESSAGE):
        raise ArchiveError(f"{path} is neither an mbox nor a message nor an archive of them")
    return DirectoryTree(path)


class Source:
    """The messages of one archive, read as a stream.

    Iterating starts from the front each time. `skips` tells what the last iteration passed over, `position` how far it
    is, in the unit of `estimate().octets`. A damaged file is skipped, a damaged archive raises ArchiveError after what
    could be read.
    """

    def __init__(self, tree: Tree, options: ReadOptions) -> None:
        self._tree = tree
        self._options = options
        self.skips = Skips()

    @property
    def position(self) -> int:
        """Octets passed so far."""
        return self._tree.position

    def estimate(self) -> Estimate:
        """Tell the size for a progress bar; a directory is walked for it."""
        return self._tree.estimate()

    def __iter__(self) -> Iterator[ArchivedMessage]:
        return self.messages()

    def messages(self, known: Container[str] = frozenset()) -> Iterator[ArchivedMessage]:
        """Yield the messages, but those whose key is in `known`: an import that was broken off goes on after them."""
        self.skips = Skips()
        try:
            with self._tree.manifest() or nullcontext() as stream:
                manifest = ManifestReader(stream) if stream is not None else None
                yield from self._read_all(MemberReader(self._options, self.skips, known, manifest))
        except (DamagedMember, OSError) as error:
            raise ArchiveError(f"the archive cannot be read to its end: {error}") from error

    def _read_all(self, reader: MemberReader) -> Iterator[ArchivedMessage]:
        for member in self._tree.members(self.skips):
            try:
                yield from reader.read(member)
            except (DamagedMember, OSError) as error:
                self.skips.add(member.key, str(error))

    def close(self) -> None:
        """Close the archive."""
        self._tree.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
