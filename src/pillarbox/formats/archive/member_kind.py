"""What a file in a tree is, told by its name and first octets: a message, also of a Maildir, an mbox, or neither."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from pillarbox.formats.archive.mailbox_name import INBOX, from_maildir_folder, label_of_file, label_path
from pillarbox.formats.archive.mbox import is_mbox
from pillarbox.formats.archive.message import MailboxPath

HEAD_OCTETS = 4096

_HEADER_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_MAILDIR_TIME = re.compile(r"(\d{9,11})\.")
_MAILDIR_INFO = re.compile(r"[:;!,](?=2,[A-Za-z]*(?:,|$))")  # ':', and what replaces it where ':' may not be in a name
_NOT_MAIL = re.compile(
    r"\..*|dovecot.*|maildir.*|courierimap.*|subscriptions|manifest\.jsonl|.*\.(?:msf|dat|json|html|css|js|lock|index)",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.(?:mbox|mbx|sbd)$", re.IGNORECASE)


class Kind(Enum):
    """The kinds of files."""

    MESSAGE = "message"
    MAILDIR = "message of a Maildir"
    MBOX = "mbox"
    SIDE_FILE = "not mail, and known to be none"
    UNKNOWN = "not recognised as mail"


def kind_by_name(path: MailboxPath) -> Kind | None:
    """Tell the kind where the name alone decides; None where the first octets must."""
    name = path[-1] if path else ""
    if "__MACOSX" in path or name.startswith("."):
        return Kind.SIDE_FILE
    folder = path[-2].lower() if len(path) > 1 else ""
    if name.lower().endswith(".eml"):
        return None if _hidden(path[:-1]) == "" else Kind.SIDE_FILE
    if folder in ("cur", "new"):
        return Kind.MAILDIR
    if folder == "tmp" or _hidden(path[:-1]) or _NOT_MAIL.fullmatch(name):
        return Kind.SIDE_FILE
    return None


def _hidden(folders: MailboxPath) -> str:
    return next((folder for folder in folders if folder.startswith(".")), "")


def kind_by_head(path: MailboxPath, head: bytes, *, alone: bool) -> Kind:
    """Tell the kind by the first octets.

    Without `.eml` or a number as its name (MH), only a file that was given alone may be a message.
    """
    name = path[-1] if path else ""
    if name.lower().endswith(".eml"):  # one message, even if it begins with the "From " line of the mbox it came from
        return Kind.MESSAGE
    if is_mbox(head):
        return Kind.MBOX
    if not head.strip(b"\r\n"):
        return Kind.SIDE_FILE
    likely = alone or (name.isascii() and name.isdigit())
    return Kind.MESSAGE if likely and _HEADER_FIELD.match(head) else Kind.UNKNOWN


def mailbox_of_message(path: MailboxPath) -> MailboxPath:
    """The mailbox of a message file: the folders that it lies in."""
    return _labels(path[:-1])


def mailbox_of_mbox(path: MailboxPath) -> MailboxPath:
    """The mailbox of an mbox: folders and its own name; for `Work.mbox/mbox` (Apple Mail) the folder's name."""
    if path and path[-1].lower() == "mbox":
        path = path[:-1]
    return _labels(path)


def _labels(path: MailboxPath) -> MailboxPath:
    return label_path([label_of_file(_SUFFIX.sub("", part) or part) for part in path])


def mailbox_of_maildir(path: MailboxPath) -> MailboxPath:
    """The mailbox of a Maildir file: Maildir++ (`.Sent.2024`) and nested Maildirs; the Maildir itself is the inbox."""
    labels: list[str] = []
    for part in path[:-2]:
        labels += from_maildir_folder(part) if part.startswith(".") else [part]
    return label_path(labels) or INBOX


@dataclass(frozen=True, slots=True)
class MaildirName:
    """What the name of a Maildir file tells; `unique` stays when flags change."""

    unique: str
    flags: str
    delivered_at: datetime | None


def parse_maildir_name(name: str) -> MaildirName:
    """Split the name of a Maildir file."""
    found = _MAILDIR_INFO.search(name)
    unique, flags = (name[: found.start()], name[found.end() + 2 :]) if found else (name, "")
    time = _MAILDIR_TIME.match(unique)
    return MaildirName(unique, flags.partition(",")[0], datetime.fromtimestamp(int(time[1]), UTC) if time else None)
