"""What one connection is in the middle of: who has logged in, what is selected, what was enabled.

RFC 9051 §3 (states), §5.2 (updates), §7.5.1 (when EXPUNGE may be told).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pillarbox.core.account import DIRECTORY, Access
from pillarbox.core.faults import Fault
from pillarbox.core.operation import current
from pillarbox.net.bridge import Bridge
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.imap import parting
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.namespace import Names, Place
from pillarbox.servers.imap.news import News
from pillarbox.servers.imap.recent import Recents
from pillarbox.servers.imap.search_memory import SearchMemory
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.settings import ImapSettings
from pillarbox.services.held import Held
from pillarbox.services.login import Channel, LoggedIn, Logins
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.imap.options import State
from pillarbox.wire.imap.response import string
from pillarbox.wire.imap.session import Session as Machine

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a process share."""

    bridge: Bridge
    logins: Logins
    settings: ImapSettings
    names: Names
    images: Images
    rechecks: Rechecks[Held]
    recents: Recents
    memory: SearchMemory = field(default_factory=SearchMemory)


class Line(Protocol):
    """What a session asks of its connection."""

    peer_address: str

    @property
    def is_encrypted(self) -> bool:
        """Whether there is TLS."""

    @property
    def bindings(self) -> Mapping[str, bytes]:
        """What SCRAM-PLUS may bind to, by the name of its kind."""

    @property
    def can_start_tls(self) -> bool:
        """Whether TLS is to be had by STARTTLS now."""

    def wake(self) -> None:
        """Have the client told what has changed."""

    async def drain(self) -> None:
        """Send what was said, and wait while the peer does not take it."""

    async def next_line(self, prompt: bytes) -> bytes:
        """Send a continuation request; the line that the client answers. Raises ConnectionError when it is gone."""


class Session:
    """One conversation. Commands are carried out one after another."""

    def __init__(self, service: Service, machine: Machine, line: Line) -> None:
        self.service, self.machine, self.line = service, machine, line
        self.bridge = service.bridge
        self.logged_in: LoggedIn | None = None
        self.enabled: set[str] = set()
        self.selected: Selected | None = None
        self.is_compressed = False
        self.tag = ""  # of the command that is being carried out, or of IDLE
        self.progress: tuple[int, int] | None = None  # how many messages of how many it has dealt with
        self.news = News(self, service.bridge, service.images, line.wake)
        # What happens once the tagged response is sent.
        self.wants_tls = self.wants_compression = self.is_over = False
        self.is_in_response = False  # what was said last does not end with a response

    # --- who asks

    @property
    def access(self) -> Access:
        """The account that the session acts as. Only in states in which somebody has logged in."""
        assert self.logged_in is not None
        return self.logged_in.access

    @property
    def accounts(self) -> list[Access]:
        """That account, and those of others that are open to it."""
        assert self.logged_in is not None
        own, caller = self.logged_in.access, self.logged_in.caller
        if own.account != caller.account:
            return [own]
        return [own, *(a for a in caller.accounts.values() if a.account not in (own.account, DIRECTORY))]

    @property
    def channel(self) -> Channel:
        """What logging in depends on."""
        return Channel(self.line.peer_address, self.line.is_encrypted, self.line.bindings)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """How one may log in by SASL; none: not at all."""
        return self.service.logins.mechanisms(self.channel)

    def log_in(self, logged_in: LoggedIn) -> None:
        """Somebody has proved who they are."""
        self.logged_in = logged_in
        self.machine.state = State.AUTHENTICATED
        if (operation := current()) is not None:
            operation.account, operation.login = self.access.account, logged_in.caller.username

    async def farewell(self) -> bytes | None:
        """The BYE for a login that no longer holds, or no longer opens what is open; else it opens what it does now.

        A store that hangs is waited for no longer than a moment.
        """
        if self.logged_in is not None and self.service.rechecks.is_due(self.logged_in.held):
            await self.service.rechecks.settle(self.logged_in.held)
        return self.known_farewell()

    def known_farewell(self, *, looks_again: bool = False) -> bytes | None:
        """The same as far as is known now; `looks_again`: so that more will be known soon."""
        if self.logged_in is None:
            return None
        if looks_again:
            self.service.rechecks.begin(self.logged_in.held)
        try:
            fresh = self.service.logins.check(self.logged_in)
        except Fault:
            return parting.UNKNOWN
        if fresh is None:
            return parting.REVOKED
        self.logged_in = fresh
        if self.selected is None:
            return None
        was = self.selected.place.access
        access = next((access for access in self.accounts if access.account == was.account), None)
        return parting.REVOKED if access is None or access.is_read_only != was.is_read_only else None

    def forget(self) -> None:
        """Be as a new connection is (RFC 8437)."""
        self.close()
        self.logged_in = None
        self.enabled.clear()
        self.machine.is_utf8 = False
        self.machine.state = State.NOT_AUTHENTICATED

    def close(self) -> None:
        """Have nothing open, and hear of nothing."""
        self.unselect()
        self.news.close()

    # --- what it has said that it understands

    @property
    def is_utf8(self) -> bool:
        """Whether mailbox names and quoted strings may be UTF-8 (RFC 9051 §5.1, RFC 6855)."""
        return self.machine.is_utf8

    @property
    def is_rev2(self) -> bool:
        """Whether IMAP4rev2 was enabled."""
        return "IMAP4REV2" in self.enabled

    @property
    def has_condstore(self) -> bool:
        """Whether MODSEQ is told with every change of flags (RFC 7162 §3.1)."""
        return "CONDSTORE" in self.enabled

    def enable_condstore(self) -> None:
        """Have MODSEQ told from now on; and up to which number all has been told (RFC 7162 §3.1)."""
        if "CONDSTORE" not in self.enabled:
            self.enabled.add("CONDSTORE")
            if self.selected is not None:
                self.say(f"* OK [HIGHESTMODSEQ {self.selected.modseq}] Told so far\r\n".encode())

    @property
    def has_qresync(self) -> bool:
        """Whether removals are told as VANISHED (RFC 7162 §3.2)."""
        return "QRESYNC" in self.enabled

    @property
    def is_uid_only(self) -> bool:
        """Whether message numbers are no more (RFC 9586)."""
        return "UIDONLY" in self.enabled

    # --- mailboxes

    def select(self, selected: Selected) -> None:
        """Have a mailbox open."""
        self.unselect()
        self.selected = selected
        self.machine.state = State.SELECTED
        self.news.listen()

    async def leave(self) -> None:
        """Have none open, and have it written down which messages were told of."""
        if (task := self.unselect()) is not None:
            await task

    def unselect(self) -> asyncio.Task[int] | None:
        """Have none open; what ends when it is written down which messages were told of, if that is to be."""
        task = None
        if (selected := self.selected) is not None:
            if selected.has_taken_recent:
                task = self.service.recents.write(selected.place, selected.uid_next)
            self.selected = None
            self.machine.state = State.AUTHENTICATED
            self.news.listen()
        return task

    def find(self, view: Snapshot, name: str) -> Place:
        """The mailbox of a name. Raises NOT_FOUND."""
        return self.service.names.find(view, self.accounts, name)

    # --- talking

    @contextlib.contextmanager
    def in_response(self) -> Iterator[None]:
        """A response is sent in pieces: nobody may say something between them."""
        self.is_in_response = True
        try:
            yield
        finally:
            self.is_in_response = False

    def say(self, data: bytes) -> None:
        """Send responses, formatted already, before the tagged one."""
        self.machine.send(data)

    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        """A body's result on a consistent snapshot."""
        return await self.bridge.read(body, slow=slow)

    def counted(self, batches: Iterable[list[tuple[int, int]]], count: int) -> Iterator[list[tuple[int, int]]]:
        """The batches of a command's messages, one after the other; how far it is can be told meanwhile (RFC 9585)."""
        done = 0
        for batch in batches:
            self.progress = done, count
            yield batch
            done += sum(end - start for start, end in batch)

    def progress_line(self) -> bytes:
        """How far the command is that is being carried out (RFC 9585 §4)."""
        count = " ".join(map(str, self.progress)) if self.progress is not None else "NIL NIL"
        # RFC 9585 §4: the tag is NIL when it has a character that would end the response code.
        tag = "NIL" if "]" in self.tag else string(self.tag)
        return f"* OK [INPROGRESS ({tag} {count})] Still at it\r\n".encode()

    async def update(self, *, may_expunge: bool = True) -> None:
        """Tell what has changed in the selected mailbox since the client was told last."""
        await self.news.update(may_expunge=may_expunge)
