"""What is read from and written to mail archives, and how much reading one may cost."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

MailboxPath: TypeAlias = tuple[str, ...]

MEBIBYTE = 1 << 20


class ArchiveError(ValueError):
    """The archive as a whole cannot be read or written; the text tells a person why."""


class DamagedMember(Exception):
    """One file of an archive cannot be read to its end; the other files can."""


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One message of an archive.

    `key` is stable within the source as long as the source is not rewritten, so that an import can be resumed. An empty
    `mailbox_paths` means that the archive does not tell a mailbox. `data` has CRLF line ends. `keywords` are JMAP
    keywords in lower case (RFC 8621 §4.1.1).
    """

    key: str
    mailbox_paths: tuple[MailboxPath, ...]
    data: bytes
    received_at: datetime | None
    keywords: frozenset[str]

    @property
    def mailbox_path(self) -> MailboxPath:
        """The first mailbox of the message, or the empty path."""
        return self.mailbox_paths[0] if self.mailbox_paths else ()


@dataclass(frozen=True, slots=True)
class SkippedMessage:
    """A message or file that was passed over, and why, in words for a person."""

    key: str
    reason: str


@dataclass(slots=True)
class Skips:
    """What was passed over: all of it is counted, the first `capacity` are kept."""

    capacity: int = 1000
    count: int = 0
    first: list[SkippedMessage] = field(default_factory=list)

    def add(self, key: str, reason: str) -> None:
        """Count one more, and keep it while there is room."""
        self.count += 1
        if len(self.first) < self.capacity:
            self.first.append(SkippedMessage(key, reason))


@dataclass(frozen=True, slots=True)
class Estimate:
    """The size of a source for a progress bar: messages, if cheaply counted, and octets as `position` counts."""

    messages: int | None
    octets: int


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Limits and choices of reading.

    `max_message_octets` limits one message; larger ones are skipped. `max_total_octets` and `max_expansion` stop
    archives that unpack to absurd sizes: the second is the ratio of unpacked to packed octets, looked at once more than
    `expansion_grace_octets` came out. `include_deleted` also takes messages that are marked as deleted but not yet
    expunged. `mbox_dialect` says how `>From ` lines are restored: mboxrd removes one `>` from any number of them, mboxo
    only restores `>From ` itself.
    """

    max_message_octets: int = 64 * MEBIBYTE
    max_total_octets: int = 1 << 40
    max_expansion: int = 200
    expansion_grace_octets: int = 256 * MEBIBYTE
    include_deleted: bool = False
    mbox_dialect: Literal["mboxrd", "mboxo"] = "mboxrd"
