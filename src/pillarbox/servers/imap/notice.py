"""The lines by which a client hears of mailboxes that it has not selected (RFC 5465 §5.1-§5.5)."""

from __future__ import annotations

from pillarbox.datatypes.mailbox_name import SEPARATOR
from pillarbox.datatypes.membership import Container
from pillarbox.datatypes.view import View
from pillarbox.servers.imap import wanted as w
from pillarbox.servers.imap.session import Session
from pillarbox.servers.imap.sight import Seen, Sight
from pillarbox.servers.imap.special_use import attribute_of
from pillarbox.wire.imap.response import mailbox as mailbox_word
from pillarbox.wire.imap.response import to_bytes


def status_line(
    session: Session, view: View, id: str, seen: Seen, numbers: Container, *, events: w.Events, with_modseq: bool
) -> bytes:
    """The untagged STATUS for some of MessageNew (with MessageExpunge) and FlagChange."""
    totals = session.service.images.totals(view, seen.account, id)
    items = [f"UIDVALIDITY {numbers.uid_validity}"]
    if w.NEW in events:
        items += [f"UIDNEXT {numbers.uid_next}", f"MESSAGES {totals.messages}"]
    if w.FLAGS in events:
        items.append(f"UNSEEN {totals.unseen}")
    if with_modseq:
        items.append(f"HIGHESTMODSEQ {numbers.modseq}")
    return to_bytes(f"* STATUS {mailbox_word(seen.name, is_utf8=session.is_utf8)} ({' '.join(items)})\r\n")


def list_line(session: Session, sight: Sight, id: str, old_name: str = "") -> bytes:
    """The untagged LIST of a mailbox that is there, with the name that it had before if it was renamed."""
    seen = sight.mailboxes[id]
    attributes = ["\\Subscribed"] if seen.is_subscribed else []
    attributes.append("\\HasChildren" if sight.has_children(id) else "\\HasNoChildren")
    if (use := attribute_of(seen.role)) is not None:
        attributes.append(use)
    tail = f' ("OLDNAME" ({mailbox_word(old_name, is_utf8=session.is_utf8)}))' if old_name else ""
    return _list(session, attributes, seen.name, tail)


def gone_line(session: Session, seen: Seen) -> bytes:
    """The untagged LIST of a mailbox that is not there any more, or not to be seen."""
    return _list(session, ["\\NonExistent"], seen.name, "")


def _list(session: Session, attributes: list[str], name: str, tail: str) -> bytes:
    word = mailbox_word(name, is_utf8=session.is_utf8)
    return to_bytes(f'* LIST ({" ".join(attributes)}) "{SEPARATOR}" {word}{tail}\r\n')


def name_lines(session: Session, before: Sight, now: Sight, wants: w.Wanted, own: str) -> list[bytes]:
    """What has become of names and subscriptions."""
    return _Names(session, before, now, wants, own).lines()


class _Names:
    """Two sights of one account compared.

    RFC 5465 §5.4: with a mailbox that is made or deleted, the one above is told of; those below one that is renamed are
    not.
    """

    def __init__(self, session: Session, before: Sight, now: Sight, wants: w.Wanted, own: str) -> None:
        self._session, self._before, self._now = session, before, now
        self._wants, self._own = wants, own
        self._told: set[str] = set()

    def lines(self) -> list[bytes]:
        """All lines, of what is gone first."""
        lines: list[bytes] = []
        for id, seen in self._before.mailboxes.items():
            if id not in self._now.mailboxes and self._wanted(w.NAME, seen):
                lines += [gone_line(self._session, seen), *self._above(seen)]
        for id, seen in self._now.mailboxes.items():
            was = self._before.mailboxes.get(id)
            if was != seen and id not in self._told:
                lines += self._made(id, seen) if was is None else self._changed(id, was, seen)
        return lines

    def _wanted(self, event: str, *seen: Seen) -> bool:
        return any(event in self._wants.events_of(one, self._own) for one in seen)

    def _above(self, seen: Seen) -> list[bytes]:
        parent = self._now.mailboxes.get(seen.parent) if seen.parent is not None else None
        if parent is None or seen.parent is None or seen.parent in self._told or not self._wanted(w.NAME, parent):
            return []
        self._told.add(seen.parent)
        return [list_line(self._session, self._now, seen.parent)]

    def _made(self, id: str, seen: Seen) -> list[bytes]:
        if not self._wanted(w.NAME, seen):
            return []
        self._told.add(id)
        return [list_line(self._session, self._now, id), *self._above(seen)]

    def _changed(self, id: str, was: Seen, seen: Seen) -> list[bytes]:
        if (was.label, was.parent) != (seen.label, seen.parent):
            is_told = self._wanted(w.NAME, was, seen)
            return [list_line(self._session, self._now, id, was.name)] if is_told else []
        if was.is_subscribed != seen.is_subscribed and self._wanted(w.SUBSCRIPTION, was, seen):
            return [list_line(self._session, self._now, id)]
        return []
