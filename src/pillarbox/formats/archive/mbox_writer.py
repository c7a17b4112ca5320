"""Writing mbox files, one for each mailbox, in the dialect mboxrd (RFC 4155 with reversible `>From ` quoting).

The inbox is `INBOX.mbox`, the mailbox Projects/Harbour is `Projects/Harbour.mbox`. Keywords stand in X-Keywords,
X-Status and Status headers in front of each message, which the reader takes off again.
"""

import os
import re
from collections.abc import Collection
from datetime import datetime
from io import BufferedWriter
from pathlib import Path

from pillarbox.core.durability import sync_directory
from pillarbox.formats.archive.closing import ClosingWriter, make_empty_directory
from pillarbox.formats.archive.from_line import from_line_to_bytes
from pillarbox.formats.archive.line_ending import to_lf
from pillarbox.formats.archive.mailbox_name import INBOX, file_name, is_inbox
from pillarbox.formats.archive.message import MailboxPath
from pillarbox.formats.archive.status_header import status_to_bytes

MAX_OPEN_FILES = 64
_TO_ESCAPE = re.compile(rb"^(?=>*From )", re.MULTILINE)


class MboxWriter(ClosingWriter):
    """Appends to the mbox files below a directory; at most `MAX_OPEN_FILES` are open at a time."""

    def __init__(self, path: Path) -> None:
        make_empty_directory(path)
        self._root = path
        self._open: dict[MailboxPath, BufferedWriter] = {}
        self._folders = {path}

    def add(
        self, mailbox_paths: Collection[MailboxPath], data: bytes, received_at: datetime, keywords: frozenset[str]
    ) -> None:
        """Write the message once for each mailbox."""
        if not mailbox_paths:
            raise ValueError("a message is in at least one mailbox")
        body = _TO_ESCAPE.sub(b">", to_lf(data))
        separator = b"\n" if body.endswith(b"\n") else b"\n\n"
        entry = b"".join((from_line_to_bytes(received_at), status_to_bytes(keywords), body, separator))
        for path in dict.fromkeys(INBOX if is_inbox(path) else path for path in mailbox_paths):
            self._file(path).write(entry)

    def _file(self, path: MailboxPath) -> BufferedWriter:
        file = self._open.pop(path, None)
        if file is None:
            if len(self._open) >= MAX_OPEN_FILES:
                _finish(self._open.pop(next(iter(self._open))))
            folder = self._root.joinpath(*(file_name(label) for label in path[:-1]))
            folder.mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
            file = (folder / f"{file_name(path[-1])}.mbox").open("ab")
        self._open[path] = file  # the last used stands last
        return file

    def close(self) -> None:
        """Close the files, and wait until they are on stable storage."""
        while self._open:
            _finish(self._open.popitem()[1])
        for folder in self._folders:
            sync_directory(folder)

    def abort(self) -> None:
        """Close the files as they are."""
        while self._open:
            self._open.popitem()[1].close()


def _finish(file: BufferedWriter) -> None:
    with file:
        file.flush()
        os.fsync(file.fileno())
