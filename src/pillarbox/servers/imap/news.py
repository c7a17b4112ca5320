"""What a client is told without asking: of its selected mailbox, in IDLE, and of what it asked for by NOTIFY.

RFC 9051 §5.2, §6.3.13, §7.5.1; RFC 5465 §3.1, §4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.net.bridge import Bridge
from pillarbox.net.feed import Listening
from pillarbox.servers.imap import observed, parting
from pillarbox.servers.imap.context import Updates, added, drop, find_all, removed
from pillarbox.servers.imap.done import Done
from pillarbox.servers.imap.faults import answer_to
from pillarbox.servers.imap.image import Images
from pillarbox.servers.imap.namespace import Place
from pillarbox.servers.imap.selected import News as SelectedNews
from pillarbox.servers.imap.selected import Selected, Speech
from pillarbox.servers.imap.wanted import Wanted
from pillarbox.services.login import LoggedIn
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap.session import Session as Machine

T = TypeVar("T")


class Teller(Speech, Protocol):
    """The session, as far as news are concerned."""

    machine: Machine
    logged_in: LoggedIn | None
    selected: Selected | None

    async def farewell(self) -> bytes | None: ...
    def unselect(self) -> object: ...
    def say(self, data: bytes) -> None: ...
    async def read(self, body: Callable[[Snapshot], T], *, slow: bool = False) -> T: ...


class Watcher(Protocol):
    """What tells a client that has used NOTIFY of all but its selected mailbox."""

    wanted: Wanted

    @property
    def accounts(self) -> frozenset[str]: ...
    def hear(self, account: str) -> None: ...
    async def tell(self) -> None: ...
    async def write(self, body: Callable[[Transaction], T], account: str, *, slow: bool) -> T: ...
    async def fetch_new(self, selected: Selected, first: int) -> None: ...


class News:
    """What one session is told, and when."""

    __slots__ = ("_bridge", "_images", "_session", "_wake", "failed", "is_idle", "listening", "notifier")

    def __init__(self, session: Teller, bridge: Bridge, images: Images, wake: Callable[[], None]) -> None:
        """`wake` is called, on the event loop, when there is something to `tell`."""
        self._session, self._bridge, self._images, self._wake = session, bridge, images, wake
        self.is_idle = False  # whether IDLE waits for its DONE
        self.failed: Done | None = None  # what could not be told meanwhile
        self.notifier: Watcher | None = None  # what the client wants to hear of by NOTIFY; None: the usual
        self.listening: Listening | None = None  # only as long as something is told without a command

    def close(self) -> None:
        """Hear of nothing."""
        self.notifier, self.is_idle = None, False
        self.listen()

    def listen(self) -> None:
        """Hear of changes as long as the client waits for news: of what it watches, and of who it is."""
        session, accounts = self._session, set[str]()
        if session.logged_in is not None and (self.is_idle or self.notifier is not None):
            accounts = {DIRECTORY, session.logged_in.caller.account}
            if session.selected is not None:
                accounts.add(session.selected.place.account)
            if self.notifier is not None:
                accounts |= self.notifier.accounts
        if self.listening is not None:
            if self.listening.accounts == accounts:
                return
            self.listening.close()
        self.listening = self._bridge.feed.listen(accounts, self._hear) if accounts else None

    def _hear(self, account: str, _types: Mapping[str, int]) -> None:
        if self.notifier is not None:
            self.notifier.hear(account)
        self._wake()

    # --- telling

    async def tell(self) -> None:
        """Tell what has changed while no command is being carried out, or in IDLE.

        What goes wrong is told at the end of IDLE: there is no command that could be answered sooner.
        """
        session, notifier = self._session, self.notifier
        try:
            if (farewell := await session.farewell()) is not None:
                session.machine.close(farewell)
                return
            is_at_once = notifier is not None and not notifier.wanted.is_delayed
            await self.update(may_expunge=self.is_idle or is_at_once)
            await self.notify()
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 -- the conversation goes on
            if not isinstance(error, Fault):
                observed.FAILED.log(error, command="Idle" if self.is_idle else "Notify")
            self.failed = answer_to(error if isinstance(error, Fault) else Fault(Kind.FAILED))

    async def update(self, *, may_expunge: bool = True, is_owed: bool = False) -> None:
        """Tell what has changed in the selected mailbox since the client was told last.

        `is_owed`: the command itself has changed it, so that also who wants to hear of no changes is told.
        """
        session, notifier, selected = self._session, self.notifier, self._session.selected
        if selected is None or not selected.needs_look(may_expunge=may_expunge):
            return
        if notifier is not None and not (notifier.wanted.messages or is_owed):
            return
        news, (found, lost) = await session.read(lambda view: self._look(view, selected))
        if news.is_gone:
            session.unselect()
            session.machine.close(parting.DELETED)
            return
        with_flags = notifier is None or notifier.wanted.flags
        known = selected.uid_next
        session.say(drop(selected.contexts, lost) + removed(found, selected.number_of))
        for piece in selected.take(news, session, may_expunge=may_expunge, with_flags=with_flags):
            session.say(piece)
        for context, line, uids in list(added(found, selected.number_of)):
            session.say(line)
            if context.fetch is not None:
                await context.fetch(uids)
        if notifier is not None and selected.uid_next > known:
            await notifier.fetch_new(selected, known)

    def _look(self, view: Snapshot, selected: Selected) -> tuple[SelectedNews, tuple[Updates, list[str]]]:
        news = selected.look(view, self._images)
        return news, find_all(view, selected.contexts if news.image is not None else {})

    async def notify(self) -> None:
        """Tell what else the client wants to hear of by NOTIFY."""
        if self.notifier is not None and not self._session.machine.is_closed:
            await self.notifier.tell()

    # --- what the client does itself

    async def write(self, body: Callable[[Transaction], T], account: str, *, slow: bool = False) -> T:
        """The result of a body that changes an account; NOTIFY does not tell the client of what it does itself."""
        if self.notifier is None:
            return await self._bridge.write(body, slow=slow, account=account)
        return await self.notifier.write(body, account, slow=slow)

    def has_put(self, target: Place, uids: Iterable[int]) -> None:
        """The client has put messages into a mailbox: it needs not be told what they are (RFC 5465 §5.2)."""
        selected = self._session.selected
        if self.notifier is not None and selected is not None and selected.place.id == target.id:
            selected.made.update(uids)
