"""The messages in one file of a tree, with their mailboxes, keywords and times."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from io import BufferedReader

from pillarbox.formats.archive.keyword import MAILDIR_DELETED, maildir_keywords, parse_dovecot_keywords
from pillarbox.formats.archive.line_ending import to_crlf
from pillarbox.formats.archive.manifest import ManifestEntry, ManifestReader
from pillarbox.formats.archive.mbox import MboxMessage, read_mbox
from pillarbox.formats.archive.member_kind import (
    HEAD_OCTETS,
    Kind,
    kind_by_head,
    kind_by_name,
    mailbox_of_maildir,
    mailbox_of_mbox,
    mailbox_of_message,
    parse_maildir_name,
)
from pillarbox.formats.archive.message import ArchivedMessage, DamagedMember, MailboxPath, ReadOptions, Skips
from pillarbox.formats.archive.status_header import read_status
from pillarbox.formats.archive.tree import Member

_DELETED = "marked as deleted"


def _paths(path: MailboxPath) -> tuple[MailboxPath, ...]:
    return (path,) if path else ()


@dataclass(slots=True)
class MemberReader:
    """Reads members of one tree, one after the other."""

    options: ReadOptions
    skips: Skips
    known: Container[str]
    manifest: ManifestReader | None
    _folder: MailboxPath | None = None
    _folder_keywords: list[str | None] | None = None

    def read(self, member: Member) -> Iterator[ArchivedMessage]:
        """Yield the messages of a member. Raises DamagedMember and OSError where it cannot be read on."""
        kind = kind_by_name(member.path)
        if kind is Kind.SIDE_FILE:
            return
        if kind is Kind.MAILDIR:
            yield from self._read_maildir(member)
            return
        with member.open() as stream:
            kind = kind_by_head(member.path, stream.peek(HEAD_OCTETS)[:HEAD_OCTETS], alone=member.alone)
            if kind is Kind.MBOX:
                yield from self._read_mbox(member, stream)
            elif kind is Kind.MESSAGE:
                yield from self._read_message(member, stream)
            elif kind is Kind.UNKNOWN:
                self.skips.add(member.key, "not recognised as mail")

    def _read_message(self, member: Member, stream: BufferedReader) -> Iterator[ArchivedMessage]:
        entry = self.manifest.find(member.path) if self.manifest else None
        if member.key in self.known:
            return
        data = self._whole(member.key, stream)
        if data is None:
            return
        if entry is not None:
            yield _listed(member.key, data, entry)
            return
        status = read_status(to_crlf(data))
        received_at = member.modified_at if member.trusted_time else None
        paths = _paths(mailbox_of_message(member.path))
        yield ArchivedMessage(member.key, status.mailbox_paths or paths, status.data, received_at, status.keywords)

    def _read_maildir(self, member: Member) -> Iterator[ArchivedMessage]:
        name = parse_maildir_name(member.path[-1])
        # flags change, and the file moves from new to cur: neither makes it another message
        key = "/".join((*member.path[:-2], name.unique))
        if key in self.known:
            return
        if MAILDIR_DELETED in name.flags and not self.options.include_deleted:
            self.skips.add(key, _DELETED)
            return
        with member.open() as stream:
            data = self._whole(key, stream)
        if data is None:
            return
        # The file's time is the time of receipt; but copying may have renewed it, and then the name is right.
        times = [moment for moment in (name.delivered_at, member.modified_at) if moment is not None]
        keywords = maildir_keywords(name.flags, self._keywords_of_folder(member))
        paths = (mailbox_of_maildir(member.path),)
        yield ArchivedMessage(key, paths, to_crlf(data), min(times, default=None), keywords)

    def _keywords_of_folder(self, member: Member) -> list[str | None]:
        folder = member.path[:-2]
        if self._folder_keywords is None or folder != self._folder:
            self._folder = folder
            own = member.folder_file("dovecot-keywords") if member.folder_file else None
            self._folder_keywords = parse_dovecot_keywords(own or b"")
        return self._folder_keywords

    def _read_mbox(self, member: Member, stream: BufferedReader) -> Iterator[ArchivedMessage]:
        paths = _paths(mailbox_of_mbox(member.path))
        for message in read_mbox(stream, self.options, lambda offset: f"{member.key}@{offset}" not in self.known):
            yield from self._from_mbox(f"{member.key}@{message.offset}", message, paths)

    def _from_mbox(self, key: str, message: MboxMessage, paths: tuple[MailboxPath, ...]) -> Iterator[ArchivedMessage]:
        if message.too_large:
            self.skips.add(key, self._too_large())
        if message.data is None:
            return
        status = read_status(message.data)
        if status.deleted and not self.options.include_deleted:
            self.skips.add(key, _DELETED)
            return
        yield ArchivedMessage(key, status.mailbox_paths or paths, status.data, message.received_at, status.keywords)

    def _whole(self, key: str, stream: BufferedReader) -> bytes | None:
        data = stream.read(self.options.max_message_octets + 1)
        if len(data) > self.options.max_message_octets:
            self.skips.add(key, self._too_large())
            return None
        return data

    def _too_large(self) -> str:
        return f"larger than {self.options.max_message_octets} octets"


def _listed(key: str, data: bytes, entry: ManifestEntry) -> ArchivedMessage:
    if len(data) != entry.octets:
        raise DamagedMember("the file's size is not the one in the manifest")
    return ArchivedMessage(key, entry.mailbox_paths(), data, entry.received(), entry.keyword_set())
