"""A session with another server: its folders, its messages, what has changed (RFC 9051 §6, RFC 7162).

Everything is read with EXAMINE and BODY.PEEK: the source stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pillarbox import __version__
from pillarbox.services.fetch.item import Item, read_item
from pillarbox.services.fetch.login import Credentials, log_in
from pillarbox.services.fetch.talk import Talk
from pillarbox.wire.imap_client.conversation import astring
from pillarbox.wire.imap_client.fault import Dropped, Refused
from pillarbox.wire.imap_client.response import Response
from pillarbox.wire.imap_client.value import ResponseError, number_of

GMAIL = "X-GM-EXT-1"
_BACKOFF = re.compile(r"backoff time: *(\d{1,8}) *milliseconds", re.IGNORECASE)
_BUSY = re.compile(r"throttl|bandwidth|try again|too many|server busy|temporar|not connected", re.IGNORECASE)
_BUSY_CODES = frozenset({"THROTTLED", "UNAVAILABLE", "INUSE", "LIMIT"})


class Busy(Exception):
    """The server asks for patience: `seconds`, if it says so."""

    def __init__(self, text: str, seconds: float | None) -> None:
        super().__init__(text)
        self.seconds = seconds


def busy(refused: Refused) -> Busy | None:
    """Whether a refusal may be another one in a while (RFC 5530 §3, and what Google, Yahoo and Exchange write)."""
    text = str(refused)
    told = _BACKOFF.search(text)
    if told is None and refused.response.code not in _BUSY_CODES and not _BUSY.search(text):
        return None
    return Busy(text, min(int(told[1]) / 1000, 900.0) if told is not None else None)


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it was when it was selected; `modseq` is 0 when the server keeps none (RFC 7162 §3.1.2)."""

    uid_validity: int
    exists: int
    modseq: int


class Source:
    """A session that is logged in. All methods raise Dropped, Refused and, when the server asks to wait, Busy."""

    def __init__(self, talk: Talk, credentials: Credentials) -> None:
        self._talk = talk
        self.capabilities = log_in(talk, credentials)
        self.selected: bytes | None = None
        self.opened = Opened(0, 0, 0)
        if "ID" in self.capabilities:  # some servers show nothing before they know with whom they speak (RFC 2971)
            list(self.run(b'ID ("name" "Pillarbox" "version" ', astring(__version__.encode()), b")"))

    @property
    def is_gmail(self) -> bool:
        """Whether messages have labels instead of lying in folders."""
        return GMAIL in self.capabilities

    def has(self, *names: str) -> bool:
        """Whether one of these capabilities is there."""
        return not self.capabilities.isdisjoint(names)

    def run(self, *parts: bytes) -> Iterator[Response]:
        """The responses to a command."""
        return self._finish(self._talk.begin(*parts))

    def _finish(self, tag: str) -> Iterator[Response]:
        try:
            yield from self._talk.finish(tag)
        except Refused as refused:
            if (asked := busy(refused)) is not None:
                raise asked from None
            raise
        except ResponseError as error:
            raise Dropped(f"the server sent what is no IMAP: {error}") from None

    def open(self, name: bytes) -> Opened:
        """Select a folder, for reading."""
        self.selected = None
        uid_validity = exists = modseq = 0
        condstore = b" (CONDSTORE)" if self.has("CONDSTORE", "QRESYNC") else b""
        for response in self.run(b"EXAMINE ", astring(name), condstore):
            if response.name == "EXISTS":
                exists = response.number or 0
            elif response.code == "UIDVALIDITY":
                uid_validity = _code_number(response)
            elif response.code == "HIGHESTMODSEQ":
                modseq = _code_number(response)
        self.selected, self.opened = name, Opened(uid_validity, exists, modseq)
        return self.opened

    def listed(self, first: int, *, labels: bool) -> Iterator[Item]:
        """The messages from a UID on, as they are to be noted: without their octets."""
        more = b" X-GM-LABELS" if labels else b""
        for item in self._items(b"UID FETCH %d:* (UID FLAGS RFC822.SIZE%b)" % (first, more)):
            if item.uid >= first:  # RFC 9051 §9: `n:*` has the last message in it, even when that is below n
                yield item

    def changed(self, last: int, since: int, *, labels: bool) -> Iterator[Item]:
        """The flags of messages up to a UID: of those that changed after a modseq, or of all when it is 0."""
        more = b" X-GM-LABELS" if labels else b""
        modifier = b" (CHANGEDSINCE %d)" % since if since else b""
        return self._items(b"UID FETCH 1:%d (UID FLAGS%b)%b" % (last, more, modifier))

    def uids(self) -> Iterator[int]:
        """The UIDs of all messages."""
        for item in self._items(b"UID FETCH 1:* (UID)"):
            yield item.uid

    def _items(self, command: bytes) -> Iterator[Item]:
        if not self.opened.exists:  # what `*` means in an empty folder, servers do not agree upon
            return
        for response in self.run(command):
            if (item := self._item(response)) is not None:
                yield item

    def _item(self, response: Response) -> Item | None:
        try:
            return read_item(response)
        except ResponseError as error:
            raise Dropped(f"the server sent what is no IMAP: {error}") from None

    def begin_bodies(self, uids: Iterable[int]) -> str:
        """Ask for whole messages; `end_bodies` has them."""
        return self._talk.begin(b"UID FETCH %b (UID FLAGS INTERNALDATE BODY.PEEK[])" % uid_set(uids))

    def end_bodies(self, tag: str, into: dict[int, Item]) -> None:
        """Put the messages that come into a dictionary by UID; what has come before a fault is in it."""
        for response in self._finish(tag):
            if (item := self._item(response)) is None:
                continue
            if (before := into.get(item.uid)) is not None:  # another client changed its flags meanwhile
                if item.keywords is not None:
                    before.keywords, before.is_deleted = item.keywords, item.is_deleted
                before.data = item.data if before.data is None else before.data
                before.received_at = before.received_at or item.received_at
            else:
                into[item.uid] = item

    def is_there(self, uid: int) -> bool:
        """Whether there is such a message (still)."""
        return any(item.uid == uid for item in self._items(b"UID FETCH %d (UID)" % uid))

    def leave(self) -> None:
        """Log out."""
        self._talk.leave()

    def close(self) -> None:
        """End the connection at once."""
        self._talk.close()


def _code_number(response: Response) -> int:
    return number_of(response.values[0]) if response.values else 0


def uid_set(uids: Iterable[int]) -> bytes:
    """Rising UIDs as a set, with ranges where they follow each other (RFC 9051 §9)."""
    ranges: list[list[int]] = []
    for uid in uids:
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in ranges)
