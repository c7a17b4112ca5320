"""The manifest of a zip export: JSON lines that say of each message what a file's name and octets do not.

The first line is `{"format":"pillarbox-export","version":1}`, each other line is one message:
`{"file","mailboxes","keywords","receivedAt","octets"}`, mailboxes being lists of names from the root down.
"""

from datetime import UTC, datetime
from io import BufferedReader

import msgspec

from pillarbox.formats.archive.keyword import to_keywords
from pillarbox.formats.archive.mailbox_name import label_path
from pillarbox.formats.archive.message import MailboxPath

MANIFEST_NAME = "manifest.jsonl"
MAX_LINE_OCTETS = 1 << 18
MAX_PENDING = 1_000_000
_FORMAT = "pillarbox-export"


class _Head(msgspec.Struct):
    format: str
    version: int


class ManifestEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One message of the manifest."""

    file: str
    mailboxes: list[list[str]]
    keywords: list[str]
    received_at: datetime | None
    octets: int

    def mailbox_paths(self) -> tuple[MailboxPath, ...]:
        """The mailboxes, as clean labels."""
        return tuple(path for path in map(label_path, self.mailboxes) if path)

    def keyword_set(self) -> frozenset[str]:
        """The keywords, without those that are none."""
        return to_keywords(self.keywords)

    def received(self) -> datetime | None:
        """The time in UTC, if the manifest tells a time with a zone."""
        return self.received_at.astimezone(UTC) if self.received_at and self.received_at.tzinfo else None


_HEAD = msgspec.json.Decoder(_Head)
_ENTRY = msgspec.json.Decoder(ManifestEntry)


class ManifestReader:
    """Finds entries by the clean path of their file, reading the manifest once, from front to end.

    A file that only has the name of a manifest has no entries.

    Where files are asked for in the manifest's order, as in an archive not repacked, one line is in memory.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._passed: dict[str, ManifestEntry] = {}
        self._at_end = not self._read_head()

    def _read_head(self) -> bool:
        try:
            head = _HEAD.decode(self._stream.readline(MAX_LINE_OCTETS))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        return head.format == _FORMAT and head.version == 1

    def find(self, path: MailboxPath) -> ManifestEntry | None:
        """Return the entry of a file, or None; each entry is found once."""
        name = "/".join(path)
        if name in self._passed:
            return self._passed.pop(name)
        while not self._at_end and (line := self._stream.readline(MAX_LINE_OCTETS)):
            entry = _decode(line)
            if entry is None:
                continue
            found = "/".join(label_path(entry.file.split("/")))
            if found == name:
                return entry
            if len(self._passed) < MAX_PENDING:
                self._passed[found] = entry
        return None


def _decode(line: bytes) -> ManifestEntry | None:
    try:
        return _ENTRY.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def head_to_bytes() -> bytes:
    """Write the first line."""
    return msgspec.json.encode(_Head(_FORMAT, 1)) + b"\n"


def entry_to_bytes(entry: ManifestEntry) -> bytes:
    """Write the line of a message."""
    return msgspec.json.encode(entry) + b"\n"
