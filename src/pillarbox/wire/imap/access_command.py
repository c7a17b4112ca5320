"""The commands that are about rights, quota, metadata and notifications, as values; see `command`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pillarbox.wire.imap.command import Command
from pillarbox.wire.imap.fetch_item import FetchItem


@dataclass(frozen=True, slots=True)
class SetAcl(Command):
    """SETACL, and DELETEACL when `rights` is None; `operation` is `=`, `+` or `-` (RFC 4314)."""

    mailbox: str
    identifier: str
    rights: str | None
    operation: str = "="


@dataclass(frozen=True, slots=True)
class GetAcl(Command):
    """GETACL."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ListRights(Command):
    """LISTRIGHTS."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class MyRights(Command):
    """MYRIGHTS."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class GetQuota(Command):
    """GETQUOTA (RFC 9208)."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot(Command):
    """GETQUOTAROOT."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota(Command):
    """SETQUOTA."""

    root: str
    limits: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SetMetadata(Command):
    """SETMETADATA: (entry, value) with None to remove."""

    mailbox: str
    entries: tuple[tuple[str, bytes | None], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class EventGroup(Command):
    """One event group of NOTIFY (RFC 5465 §5): a filter such as `selected`, with names for `subtree` and `mailboxes`.

    `events` is None for NONE; else (upper-case event, fetch items of MessageNew).
    """

    filter: str
    mailboxes: tuple[str, ...] = ()
    events: tuple[str, ...] | None = None
    items: tuple[FetchItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify(Command):
    """NOTIFY: `groups` is None for NONE; `with_status`: STATUS was asked for."""

    groups: tuple[EventGroup, ...] | None
    with_status: bool = False


@dataclass(frozen=True, slots=True)
class GenUrlAuth(Command):
    """GENURLAUTH: pairs of a URL's rump and a mechanism in upper case (RFC 4467)."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FetchedUrl:
    """A URL of URLFETCH; with `items` of BODY, BINARY and BODYPARTSTRUCTURE by the extended form (RFC 5524 §3)."""

    url: str
    items: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UrlFetch(Command):
    """URLFETCH."""

    urls: tuple[FetchedUrl, ...]


@dataclass(frozen=True, slots=True)
class ResetKey(Command):
    """RESETKEY; without a mailbox, of all. `mechanisms` in upper case; none: all."""

    mailbox: str | None = None
    mechanisms: tuple[str, ...] = ()
