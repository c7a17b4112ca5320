"""Tells a client what it wanted to hear of by NOTIFY: it compares what was seen last with what is there.

Nothing is queued, so a client that does not listen costs no memory, and hears of where things stand when it listens
again. RFC 5465 §5: "The server SHOULD omit notifying the client if the event is caused by this client".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from pillarbox.core.account import DIRECTORY, Access
from pillarbox.datatypes.view import View
from pillarbox.servers.imap import wanted as w
from pillarbox.servers.imap.chosen import batches
from pillarbox.servers.imap.fetch_answer import tell
from pillarbox.servers.imap.fetch_program import Program
from pillarbox.servers.imap.metadata import SPECIAL_USE, changed_line, changed_lines
from pillarbox.servers.imap.notice import name_lines, status_line
from pillarbox.servers.imap.selected import Selected
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.sight import NOTHING, Seen, Sight, look_at, passed_over
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.transaction import Transaction
from pillarbox.wire.imap.fetch_item import Plain

T = TypeVar("T")
_OVERFLOW = b"* OK [NOTIFICATIONOVERFLOW] Too much has changed\r\n"


class Notifier:
    """What one session watches, and how it stood when the client was told last."""

    def __init__(self, session: Session, wanted: w.Wanted) -> None:
        self.wanted = wanted
        self._session = session
        self._own = session.access.account
        self._sights: dict[str, Sight] = {}
        self._stirred: set[str] = set()  # accounts that something has happened in

    # --- what is watched

    def hear(self, account: str) -> None:
        """Something has happened in an account."""
        self._stirred.add(account)

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts to hear of, as far as there is anything that the client wants to hear."""
        return frozenset(self._accesses()) if self.wanted.groups else frozenset()

    def _accesses(self) -> dict[str, Access]:
        """The accounts whose mailboxes can be seen, and the directory, which has what all share."""
        found = {access.account: access for access in self._session.accounts}
        return {**found, DIRECTORY: Access(DIRECTORY, "", is_personal=False)}

    def _look(self, view: View, access: Access) -> Sight:
        return look_at(view, self._session.service.names, access, self._own, self._is_watched)

    def _is_watched(self, seen: Seen) -> bool:
        return w.NEW in self.wanted.events_of(seen, self._own)

    async def begin(self) -> int:
        """Look at everything for the first time; how many mailboxes are watched."""
        if self.wanted.groups:
            accesses = self._accesses()
            self._sights = await self._session.read(
                lambda view: {account: self._look(view, access) for account, access in accesses.items()}
            )
        return sum(len(sight.numbers) for sight in self._sights.values())

    # --- telling

    async def tell(self) -> None:
        """Tell what has changed since."""
        accesses = self._accesses() if self.wanted.groups else {}
        stirred = (self._stirred & accesses.keys()) | (self._sights.keys() ^ accesses.keys())
        if not stirred:
            return
        self._stirred = set()
        session = self._session
        lines, sights = await session.read(lambda view: self._compare(view, accesses, stirred))
        self._sights = {account: sight for account, sight in {**self._sights, **sights}.items() if account in accesses}
        session.news.listen()
        if len(lines) > session.service.settings.max_notices:
            # RFC 5465 §5.8: "and behave as if a NOTIFY NONE command had just been received".
            session.news.notifier = Notifier(session, w.wanted_by(()))
            session.news.listen()
            lines = [_OVERFLOW]
        session.say(b"".join(lines))

    def _compare(
        self, view: Snapshot, accesses: dict[str, Access], stirred: Iterable[str]
    ) -> tuple[list[bytes], dict[str, Sight]]:
        """What is to be told, and what it was told of. It may run again, so it changes nothing."""
        lines: list[bytes] = []
        sights = {}
        for account in sorted(stirred):
            before, access = self._sights.get(account), accesses.get(account)
            now = sights[account] = self._look(view, access) if access is not None else NOTHING
            lines += name_lines(self._session, before or NOTHING, now, self.wanted, self._own)
            if before is not None:
                lines += self._message_lines(view, account, before, now)
                lines += self._metadata_lines(view, account, before, now)
        return lines, sights

    def _message_lines(self, view: View, account: str, before: Sight, now: Sight) -> Iterator[bytes]:
        selected = self._session.selected
        for id, numbers in now.numbers.items():
            was = before.numbers.get(id)
            if was is None or was == numbers or (selected is not None and selected.place.id == id):
                continue
            seen = now.mailboxes[id]
            events = self.wanted.events_of(seen, self._own) & {w.NEW, w.FLAGS}
            if numbers.uid_next == was.uid_next and not _has_lost(view, account, id, was.modseq):
                events -= {w.NEW}
            if events:
                with_modseq = self._session.has_condstore
                yield status_line(self._session, view, id, seen, numbers, events=events, with_modseq=with_modseq)

    def _metadata_lines(self, view: View, account: str, before: Sight, now: Sight) -> list[bytes]:
        wanted, session = self.wanted, self._session

        def name_of(id: str) -> str | None:
            seen = now.mailboxes.get(id)
            if seen is None:
                return "" if not id and w.SERVER_METADATA in wanted.others else None
            return seen.name if w.METADATA in wanted.events_of(seen, self._own) else None

        lines = []
        for id, seen in now.mailboxes.items():
            was = before.mailboxes.get(id)
            if was is not None and was.role != seen.role and name_of(id) is not None:
                lines.append(changed_line(session, seen.name, [SPECIAL_USE]))
        if now.annotations > before.annotations and wanted.others & {w.METADATA, w.SERVER_METADATA}:
            lines += changed_lines(session, view, account, before.annotations, name_of)
        return lines

    async def tell_status(self) -> None:
        """Tell how the watched mailboxes stand (RFC 5465 §3.1)."""
        session, selected = self._session, self._session.selected

        def body(view: Snapshot) -> list[bytes]:
            lines = []
            for sight in self._sights.values():
                for id, numbers in sight.numbers.items():
                    if selected is None or selected.place.id != id:
                        seen = sight.mailboxes[id]
                        events = self.wanted.events_of(seen, self._own)
                        is_flags = w.FLAGS in events
                        lines.append(status_line(session, view, id, seen, numbers, events=events, with_modseq=is_flags))
            return lines

        session.say(b"".join(await session.read(body)))

    # --- what the client does itself

    async def write(self, body: Callable[[Transaction], T], account: str, *, slow: bool) -> T:
        """The result of a body that the client's own command is; what it changes here counts as told."""
        access = self._accesses().get(account) if self.wanted.groups else None
        if access is None:
            return await self._session.bridge.write(body, slow=slow, account=account)

        def run(tx: Transaction) -> tuple[T, Sight, Sight]:
            before = self._look(tx, access)
            return body(tx), before, self._look(tx, access)

        result, before, after = await self._session.bridge.write(run, slow=slow, account=account)
        if (known := self._sights.get(account)) is not None:
            self._sights[account] = passed_over(known, before, after)
        return result

    async def fetch_new(self, selected: Selected, first: int) -> None:
        """Tell what was asked for of new messages, from a UID on, but for those that the client has put there."""
        session = self._session
        uids = [uid for uid in selected.uids[bisect_left(selected.uids, first) :] if uid not in selected.made]
        selected.made.clear()
        items = list(dict.fromkeys((*self.wanted.items, *((Plain.UID,) if session.has_qresync else ()))))
        if not uids or not self.wanted.items:
            return
        program = Program(items, is_utf8=session.is_utf8, is_uid_only=session.is_uid_only)
        for batch in batches(selected.spans_of(uids), program.batch):
            await tell(session, selected, program, batch)


def _has_lost(view: View, account: str, mailbox: str, since: int) -> bool:
    """Whether messages have gone from a mailbox after a number, or may have."""
    return since < view.known_since(account) or bool(view.removed_uids(account, mailbox, since))
