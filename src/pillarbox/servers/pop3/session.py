"""What one connection is in the middle of: who has logged in, and which maildrop is theirs.

The maildrop is open once (RFC 1939 §4, "exclusive-access lock"): the count behind it is shared by all processes of a
node, and what a process held that died is free again. Nodes on one PostgreSQL do not see each other's: docs/decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pillarbox.core.operation import current
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.net.recheck import Rechecks
from pillarbox.servers.pop3.maildrop import Maildrop
from pillarbox.servers.pop3.settings import Pop3Settings
from pillarbox.services.held import Held
from pillarbox.services.login import Channel, LoggedIn, Logins
from pillarbox.storage.snapshot import Snapshot
from pillarbox.wire.pop3.options import State
from pillarbox.wire.pop3.session import Line
from pillarbox.wire.pop3.session import Session as Machine

T = TypeVar("T")


class ClientGone(Exception):
    """The connection is no more, or is about to be: there is nobody to tell anything."""


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a process share."""

    bridge: Bridge
    logins: Logins
    settings: Pop3Settings
    counts: Seat
    rechecks: Rechecks[Held]


class Wire(Protocol):
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
        """Whether TLS is to be had by STLS now."""

    async def drain(self) -> None:
        """Send what was said, and wait while the peer does not take it. Raises ClientGone."""

    async def next_line(self, challenge: bytes) -> Line:
        """Send a challenge; the line that the client answers. Raises ClientGone."""


class Session:
    """One conversation. Commands are carried out one after another."""

    def __init__(self, service: Service, machine: Machine, wire: Wire) -> None:
        self.service, self.machine, self.wire = service, machine, wire
        self.bridge = service.bridge
        self.name = ""  # that USER gave, for PASS
        self.is_utf8 = False
        self.logged_in: LoggedIn | None = None
        self._maildrop: Maildrop | None = None
        self._held: tuple[str, str] | None = None
        self.has_begun = False  # a reply of several lines is under way
        # What happens once the reply is sent.
        self.wants_tls = self.is_over = False

    # --- who asks

    @property
    def channel(self) -> Channel:
        """What logging in depends on."""
        return Channel(self.wire.peer_address, self.wire.is_encrypted, self.wire.bindings)

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """How one may log in by SASL; none: not at all."""
        return self.service.logins.mechanisms(self.channel)

    @property
    def maildrop(self) -> Maildrop:
        """What the client works on. Only in the state TRANSACTION."""
        assert self._maildrop is not None
        return self._maildrop

    @property
    def is_read_only(self) -> bool:
        """Whether who has logged in may not change the account."""
        return self.logged_in is None or self.logged_in.access.is_read_only

    def log_in(self, logged_in: LoggedIn, maildrop: Maildrop) -> None:
        """Somebody has proved who they are, and the maildrop is theirs."""
        self.logged_in, self._maildrop = logged_in, maildrop
        self.machine.state = State.TRANSACTION
        self.note_login()

    def note_login(self) -> None:
        """Let the lines of the log about what is under way tell whose it is."""
        if self.logged_in is not None and (operation := current()) is not None:
            operation.account, operation.login = self.logged_in.access.account, self.logged_in.caller.username

    async def is_revoked(self) -> bool:
        """Whether the login no longer holds; else it opens what it does now. Raises unavailable.

        A store that hangs is waited for no longer than a moment.
        """
        if self.logged_in is None:
            return False
        await self.service.rechecks.settle(self.logged_in.held)
        fresh = self.service.logins.check(self.logged_in)
        if fresh is not None:
            self.logged_in = fresh
        return fresh is None

    def begin_anew(self) -> None:
        """There is TLS now. RFC 2595 §4: the server "MUST discard any knowledge obtained from the client" before."""
        self.name, self.is_utf8 = "", False

    # --- the maildrop is one session's

    def take_lock(self, account: str) -> bool:
        """Have an account's maildrop for this session alone, until `close`; False when another session has it."""
        key = "pop3 maildrop", account
        if not self.service.counts.enter(key, 1):
            return False
        self._held = key
        return True

    def close(self) -> None:
        """The session is over, whatever it came to; others may have the maildrop."""
        self._maildrop = None
        if self._held is not None:
            self.service.counts.leave(self._held)
            self._held = None

    # --- talking

    def begin(self, data: bytes) -> None:
        """Send the first line of a reply that has several: from now on there is no other way to end it than its end."""
        self.has_begun = True
        self.machine.send(data)

    async def send(self, data: bytes) -> None:
        """Send a piece of it, and wait while the client does not take it."""
        self.machine.send(data)
        await self.wire.drain()

    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T:
        """A body's result on a consistent snapshot."""
        return await self.bridge.read(body, slow=slow)
