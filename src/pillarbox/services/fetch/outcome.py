"""What became of a fetch, and how far it is while it runs."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pillarbox.formats.archive import Skips


class Progress(Protocol):
    """Hears how far a fetch is, in octets of messages."""

    def expect(self, octets: int) -> None:
        """So many more are to come."""

    def advance(self, octets: int) -> None:
        """So many have come, or will not come."""


class FolderOutcome(msgspec.Struct, kw_only=True):
    """What became of one folder of the source. Octets are those that the source told."""

    name: str
    mailbox: str | None = None  # None: none, or by the labels of each message
    left_out: str = ""  # why nothing was taken
    failure: str = ""  # why not all of it was looked at
    messages: int = 0  # at the source
    new: int = 0
    new_octets: int = 0
    copied: int = 0
    duplicates: int = 0  # were there already, maybe in another mailbox
    changed: int = 0  # whose flags or labels changed at the source
    gone: int = 0  # are no longer at the source, or marked as deleted
    marked_deleted: int = 0  # not taken for that
    refused: int = 0


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one account. `removed` counts emails that left a mailbox, `failure` says why it was broken off."""

    folders: list[FolderOutcome] = msgspec.field(default_factory=list)
    refused: Skips = msgspec.field(default_factory=Skips)
    removed: int = 0
    failure: str = ""

    def total(self, what: str) -> int:
        """The sum of one count over all folders."""
        return sum(int(getattr(folder, what)) for folder in self.folders)

    @property
    def is_whole(self) -> bool:
        """Whether everything that was to come is there."""
        return not (self.failure or self.refused.count or any(folder.failure for folder in self.folders))
