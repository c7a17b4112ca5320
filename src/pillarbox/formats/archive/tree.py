"""A tree of files, wherever it lies: a directory, a zip or tar archive, or one single file.

Trees hand out members one after the other; the source reads messages out of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from typing import Protocol

from pillarbox.formats.archive.message import ArchiveError, Estimate, MailboxPath, ReadOptions, Skips


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of a tree.

    `path` are clean labels, the file's name last; `key` is unique in the tree; `trusted_time` tells that `modified_at`
    is a time that an archive recorded. `folder_file` reads a small file that lies one folder above, where the tree can
    look aside. `alone` is the one file of a tree that is no folder.
    """

    path: MailboxPath
    key: str
    modified_at: datetime | None
    trusted_time: bool
    open: Callable[[], BufferedReader]
    folder_file: Callable[[str], bytes | None] | None = None
    alone: bool = False


class Tree(Protocol):
    """What a source needs of a tree; `position` are the octets passed so far, in the unit of `estimate().octets`."""

    @property
    def position(self) -> int:
        """The octets passed so far."""

    def members(self, skips: Skips) -> Iterator[Member]:
        """Yield the members in a stable order; each is read before the next one is asked for."""

    def estimate(self) -> Estimate:
        """Tell the size, for a progress bar."""

    def manifest(self) -> BufferedReader | None:
        """Open the manifest of a Pillarbox export, if the tree has one."""

    def close(self) -> None:
        """Close what is open."""


class Expansion:
    """Counts what comes out of a compressed archive, and stops the reading of one that expands absurdly."""

    def __init__(self, packed_octets: int, options: ReadOptions) -> None:
        self._ceiling = max(options.expansion_grace_octets, packed_octets * options.max_expansion)
        self._ceiling = min(self._ceiling, options.max_total_octets)
        self._octets = 0

    def spend(self, octets: int) -> None:
        """Count octets that came out; raises ArchiveError past the limit."""
        self._octets += octets
        if self._octets > self._ceiling:
            raise ArchiveError(
                f"the archive unpacks to more than {self._ceiling} octets, which its size does not explain"
            )
