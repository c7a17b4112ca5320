"""Writing a Maildir with Maildir++ folders.

The inbox is the Maildir itself, the mailbox Projects/Harbour is the folder `.Projects.Harbour`. Files are written in
`tmp` and moved to `cur`, with the time of receipt as their time and in their name. Flags stand in the name, other
keywords in `dovecot-keywords`, which has room for 26 in a folder: keywords beyond that are dropped, and counted in
`dropped_keywords`.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pillarbox.core.durability import sync_directory
from pillarbox.formats.archive.closing import ClosingWriter, make_empty_directory
from pillarbox.formats.archive.keyword import MAILDIR_FLAGS, keywords_to_flags
from pillarbox.formats.archive.line_ending import to_lf
from pillarbox.formats.archive.mailbox_name import to_maildir_folder
from pillarbox.formats.archive.message import MailboxPath

MAX_FOLDER_KEYWORDS = 26
_FLAGGED = frozenset(MAILDIR_FLAGS.values())


@dataclass(slots=True)
class _Folder:
    path: Path
    letters: dict[str, str] = field(default_factory=dict)

    def letter(self, keyword: str) -> str:
        """The letter of a keyword in this folder; empty when all are taken."""
        if keyword not in self.letters and len(self.letters) < MAX_FOLDER_KEYWORDS:
            self.letters[keyword] = chr(ord("a") + len(self.letters))
        return self.letters.get(keyword, "")


class MaildirWriter(ClosingWriter):
    """Writes messages into the folders of one Maildir."""

    def __init__(self, path: Path) -> None:
        make_empty_directory(path)
        self._root = path
        self._folders: dict[str, _Folder] = {}
        self._number = 0
        self.dropped_keywords = 0
        self._folder("")

    def add(
        self, mailbox_paths: Collection[MailboxPath], data: bytes, received_at: datetime, keywords: frozenset[str]
    ) -> None:
        """Write the message once for each mailbox."""
        if not mailbox_paths:
            raise ValueError("a message is in at least one mailbox")
        octets = to_lf(data)
        for name in dict.fromkeys(to_maildir_folder(path) for path in mailbox_paths):
            self._write(self._folder(name), octets, int(received_at.timestamp()), keywords)

    def _write(self, folder: _Folder, octets: bytes, seconds: int, keywords: frozenset[str]) -> None:
        self._number += 1
        unique = f"{seconds}.Q{self._number}.pillarbox,S={len(octets)}"
        draft = folder.path / "tmp" / unique
        draft.write_bytes(octets)
        os.utime(draft, (seconds, seconds))
        draft.rename(folder.path / "cur" / f"{unique}:2,{self._flags(folder, keywords)}")

    def _flags(self, folder: _Folder, keywords: frozenset[str]) -> str:
        letters = [folder.letter(keyword) for keyword in sorted(keywords - _FLAGGED)]
        self.dropped_keywords += letters.count("")
        return keywords_to_flags(keywords, MAILDIR_FLAGS) + "".join(sorted(letters))

    def _folder(self, name: str) -> _Folder:
        if name not in self._folders:
            path = self._root / name
            for part in ("tmp", "new", "cur"):
                (path / part).mkdir(parents=True)
            if name:
                (path / "maildirfolder").touch()  # Maildir++: marks a subfolder
            self._folders[name] = _Folder(path)
        return self._folders[name]

    def close(self) -> None:
        """Write the names of the keywords, and wait until all is on stable storage."""
        for folder in self._folders.values():
            if folder.letters:
                lines = (f"{number} {keyword}\n" for number, keyword in enumerate(folder.letters))
                (folder.path / "dovecot-keywords").write_text("".join(lines), encoding="utf-8")
        os.sync()  # one wait for all files instead of one for each
        for folder in self._folders.values():
            sync_directory(folder.path / "cur")

    def abort(self) -> None:
        """Nothing is open; what was written stays."""
