"""Mail archives, read and written as streams: mbox, Maildir, directories and archives of messages."""

from pillarbox.formats.archive.message import (
    ArchivedMessage,
    ArchiveError,
    Estimate,
    MailboxPath,
    ReadOptions,
    SkippedMessage,
    Skips,
)
from pillarbox.formats.archive.source import Source, open_source
from pillarbox.formats.archive.writer import ArchiveFormat, ArchiveWriter, open_writer

__all__ = [
    "ArchiveError",
    "ArchiveFormat",
    "ArchiveWriter",
    "ArchivedMessage",
    "Estimate",
    "MailboxPath",
    "ReadOptions",
    "SkippedMessage",
    "Skips",
    "Source",
    "open_source",
    "open_writer",
]
