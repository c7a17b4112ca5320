"""Writing mail archives: mbox, Maildir, and a zip of messages.

A zip keeps all: each message once, octet for octet, with its mailboxes, keywords and time in a manifest. In mbox and
Maildir a message in several mailboxes is written once for each, line ends become LF as is the custom there, and times
have whole seconds.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

from pillarbox.formats.archive.maildir_writer import MaildirWriter
from pillarbox.formats.archive.mbox_writer import MboxWriter
from pillarbox.formats.archive.message import ArchiveError, MailboxPath
from pillarbox.formats.archive.zip_writer import ZipWriter

ArchiveFormat: TypeAlias = Literal["mbox", "maildir", "zip"]


class ArchiveWriter(Protocol):
    """Takes messages one by one. As a context manager it closes at the end, and aborts if there was an error."""

    def add(
        self, mailbox_paths: Collection[MailboxPath], data: bytes, received_at: datetime, keywords: frozenset[str]
    ) -> None:
        """Write one message. `mailbox_paths` are one or more; INBOX, in any case, is the inbox. Raises OSError."""

    def close(self) -> None:
        """Complete the archive, and wait until it is on stable storage."""

    def abort(self) -> None:
        """Close what is open; an unfinished zip is removed, mbox files and Maildirs stay as far as they came."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_writer(path: Path | str, archive_format: ArchiveFormat) -> ArchiveWriter:
    """Start an archive: `mbox` is a directory of mbox files, `maildir` a Maildir++, `zip` a zip archive.

    Nothing is ever written over: raises ArchiveError if the file exists, or if the directory exists and is not empty.
    """
    path = Path(path)
    try:
        if archive_format == "zip":
            return ZipWriter(path)
        return MboxWriter(path) if archive_format == "mbox" else MaildirWriter(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error.strerror}") from error
