"""The commands of a client as values: what was asked, with every argument checked for its form (RFC 9051 §6).

Mailbox names are text: modified UTF-7 or UTF-8 has been decoded, and every spelling of INBOX is `INBOX`. Flags stand as
they were written. `is_uid` says that the command came with the prefix UID.
"""

from __future__ import annotations

from dataclasses import dataclass

from pillarbox.wire.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class Command:
    """What all commands are."""


# --- in any state


class Capability(Command):
    """CAPABILITY."""


class Noop(Command):
    """NOOP."""


class Logout(Command):
    """LOGOUT."""


@dataclass(frozen=True, slots=True)
class Id(Command):
    """ID (RFC 2971): what the client says of itself, names in lower case; None for NIL."""

    fields: tuple[tuple[str, str | None], ...] | None


# --- not authenticated


class StartTls(Command):
    """STARTTLS."""


@dataclass(frozen=True, slots=True)
class Authenticate(Command):
    """AUTHENTICATE: the mechanism in upper case; `initial` is the decoded initial response (RFC 4959), None if none."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class Login(Command):
    """LOGIN."""

    username: str
    password: str


# --- authenticated


@dataclass(frozen=True, slots=True)
class Enable(Command):
    """ENABLE: capability names in upper case."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resync(Command):
    """The QRESYNC parameter of SELECT (RFC 7162 §3.2.5)."""

    uid_validity: int
    modseq: int
    known_uids: SequenceSet | None = None
    match: tuple[SequenceSet, SequenceSet] | None = None  # message numbers, and the UIDs that they had


@dataclass(frozen=True, slots=True)
class Select(Command):
    """SELECT, or EXAMINE when it is read-only."""

    mailbox: str
    is_read_only: bool
    condstore: bool = False
    resync: Resync | None = None


@dataclass(frozen=True, slots=True)
class Create(Command):
    """CREATE: `uses` are the special-use attributes of RFC 6154 as written; `has_separator`: the name ended in one."""

    mailbox: str
    uses: tuple[str, ...] = ()
    has_separator: bool = False


@dataclass(frozen=True, slots=True)
class Delete(Command):
    """DELETE."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """RENAME."""

    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe(Command):
    """SUBSCRIBE, or UNSUBSCRIBE when `is_on` is false."""

    mailbox: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class GetMetadata(Command):
    """GETMETADATA (RFC 5464): `mailbox` is "" for the server; `depth` 0, 1 or -1 (infinity)."""

    mailbox: str
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class List(Command):
    """LIST in its short and extended form (RFC 9051 §6.3.9), and LSUB (RFC 3501 §6.3.9).

    `selection` and `returned` hold upper-case words: SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE; SUBSCRIBED CHILDREN
    SPECIAL-USE MYRIGHTS (RFC 8440). `status` are the items of RETURN (STATUS ...), `metadata` the entries of
    RETURN (METADATA ...) (RFC 9590) with their options.
    """

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    metadata: GetMetadata | None = None
    is_extended: bool = False
    is_lsub: bool = False


class Namespace(Command):
    """NAMESPACE."""


@dataclass(frozen=True, slots=True)
class Status(Command):
    """STATUS: items in upper case, of MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ MAILBOXID.

    And APPENDLIMIT (RFC 7889), DELETED-STORAGE (RFC 9208).
    """

    mailbox: str
    items: tuple[str, ...]


class Idle(Command):
    """IDLE."""


class Unauthenticate(Command):
    """UNAUTHENTICATE (RFC 8437)."""


class GetJmapAccess(Command):
    """GETJMAPACCESS (RFC 9698 §4)."""


class Compress(Command):
    """COMPRESS DEFLATE (RFC 4978)."""


# --- selected


class Close(Command):
    """CLOSE."""


class Unselect(Command):
    """UNSELECT."""


class Check(Command):
    """CHECK (RFC 3501)."""
