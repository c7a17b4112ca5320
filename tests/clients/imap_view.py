"""What an account looks like to a client of IMAP that comes afresh, and whether JMAP tells the same (RFC 8474)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.clients.client import Json
from tests.servers.imap.imap_server import Client

_STATUS = re.compile(r"\* STATUS (?P<name>\S+|\"[^\"]*\") \((?P<items>[^()]*(?:\([^()]*\)[^()]*)*)\)")
_ITEM = re.compile(r"([A-Z0-9.]+) (\([^()]*\)|\S+)")
_FETCH = re.compile(r"\* (\d+) FETCH \((.*)\)")
_SYSTEM = {"\\seen": "$seen", "\\flagged": "$flagged", "\\answered": "$answered", "\\draft": "$draft"}
_ITEMS = "MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ MAILBOXID DELETED"


@dataclass(frozen=True)
class Row:
    """A message in a mailbox."""

    uid: int
    flags: frozenset[str]
    email: str
    thread: str
    modseq: int
    size: int

    @property
    def is_deleted(self) -> bool:
        return "\\Deleted" in self.flags

    @property
    def keywords(self) -> dict[str, bool]:
        words = {_SYSTEM.get(flag.lower(), flag.lower()) for flag in self.flags - {"\\Deleted"}}
        return dict.fromkeys(sorted(words), True)


@dataclass
class Box:
    """A mailbox."""

    name: str
    id: str
    uid_validity: int
    uid_next: int
    modseq: int
    unseen: int
    messages: int
    rows: list[Row] = field(default_factory=list)


async def look(client: Client) -> dict[str, Box]:
    """All mailboxes with all messages, by MAILBOXID."""
    out = {}
    for line in await client.ok(f'LIST "" * RETURN (STATUS ({_ITEMS}))'):
        if (match := _STATUS.fullmatch(line)) is None:
            continue
        items = dict(_ITEM.findall(match["items"]))
        box = Box(
            name=match["name"].strip('"'),
            id=items["MAILBOXID"].strip("()"),
            uid_validity=int(items["UIDVALIDITY"]),
            uid_next=int(items["UIDNEXT"]),
            modseq=int(items["HIGHESTMODSEQ"]),
            unseen=int(items["UNSEEN"]),
            messages=int(items["MESSAGES"]),
        )
        await client.ok(f'EXAMINE "{box.name}"')
        if box.messages:
            items_wanted = "UID FLAGS EMAILID THREADID MODSEQ RFC822.SIZE"
            box.rows = [_row(line) for line in await client.ok(f"FETCH 1:* ({items_wanted})")]
        out[box.id] = box
    await client.ok("UNSELECT")  # else it is sent away when somebody deletes the last one
    return out


def _row(line: str) -> Row:
    match = _FETCH.fullmatch(line)
    assert match is not None, line
    items = {name: value.strip("()") for name, value in _ITEM.findall(match[2])}
    flags = frozenset(items["FLAGS"].split()) - {"\\Recent"}
    numbers = int(items["MODSEQ"]), int(items["RFC822.SIZE"])
    return Row(int(items["UID"]), flags, items["EMAILID"], items["THREADID"], *numbers)


def compare(boxes: dict[str, Box], mailboxes: dict[str, Json], emails: dict[str, Json]) -> None:
    """Whether JMAP's mailboxes and emails, all by their id, are those of IMAP. Raises AssertionError."""
    assert {id: box.name for id, box in boxes.items()} == {id: _path(mailboxes, id) for id in mailboxes}
    for id, box in boxes.items():
        uids = [row.uid for row in box.rows]
        assert uids == sorted(set(uids)), f"{box.name}: {uids}"
        assert not uids or uids[-1] < box.uid_next, f"{box.name}: {uids[-1]} is not below {box.uid_next}"
        assert len(uids) == box.messages, f"{box.name}: STATUS says {box.messages}, FETCH {len(uids)}"
        assert box.unseen == sum("\\Seen" not in row.flags for row in box.rows), box.name
        assert all(row.modseq <= box.modseq for row in box.rows), box.name
        told = {row.email: (row.keywords, row.thread, row.size) for row in box.rows if not row.is_deleted}
        there = {
            email["id"]: (dict.fromkeys(sorted(email["keywords"]), True), email["threadId"], email["size"])
            for email in emails.values()
            if id in email["mailboxIds"]
        }
        wrong = {one: (told.get(one), there.get(one)) for one in {*told, *there} if told.get(one) != there.get(one)}
        assert not wrong, f"{box.name}: IMAP and JMAP differ: {wrong}"
        assert len(told) == mailboxes[id]["totalEmails"], box.name
        for row in box.rows:  # RFC 8621 §4.1.1: what is deleted here is not here for JMAP
            assert not row.is_deleted or id not in emails.get(row.email, {"mailboxIds": {}})["mailboxIds"]


def _path(mailboxes: dict[str, Json], id: str) -> str:
    box = mailboxes[id]
    name: str = "INBOX" if box["role"] == "inbox" else box["name"]
    return f"{_path(mailboxes, box['parentId'])}/{name}" if box["parentId"] else name


class Memory:
    """What must never change between two looks: which message a UID is of."""

    def __init__(self) -> None:
        self._emails: dict[tuple[str, int, int], str] = {}
        self._next: dict[tuple[str, int], tuple[int, int]] = {}

    def check(self, boxes: dict[str, Box]) -> None:
        """Raises AssertionError where a UID means another message than before, or a number has gone back."""
        for box in boxes.values():
            for row in box.rows:
                known = self._emails.setdefault((box.id, box.uid_validity, row.uid), row.email)
                assert known == row.email, f"{box.name}: UID {row.uid} was {known} and is {row.email}"
            before = self._next.get((box.id, box.uid_validity), (0, 0))
            now = box.uid_next, box.modseq
            assert all(a <= b for a, b in zip(before, now, strict=True)), f"{box.name}: {before} became {now}"
            self._next[box.id, box.uid_validity] = now
        validities = dict(self._next.keys())
        assert len(validities) == len(self._next), "a mailbox has another UIDVALIDITY than before"
