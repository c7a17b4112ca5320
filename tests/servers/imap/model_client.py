"""A client that knows of its mailbox what responses have told it, and nothing else; it fails when they contradict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from tests.servers.imap.imap_server import Client

Flags = frozenset[str]
_NUMBERED = re.compile(r"\* (\d+) (EXISTS|EXPUNGE|FETCH|UIDFETCH)(?: \((.*)\))?", re.DOTALL)
_VANISHED = re.compile(r"\* VANISHED( \(EARLIER\))? (\S+)")
_CODE = re.compile(r"OK \[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]")
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")
_UID = re.compile(r"UID (\d+)")


def numbers(words: str) -> set[int]:
    """The numbers of a set."""
    ranges = [part.partition(":") for part in words.split(",")]
    return {n for first, _, last in ranges for n in range(int(first), int(last or first) + 1)}


@dataclass
class Told:
    """What the client was told of one message; None: not yet."""

    uid: int | None = None
    flags: Flags | None = None
    is_recent: bool | None = None


class Server(Protocol):
    """Where it connects to."""

    async def connect(self) -> Client:
        """A client that has logged in."""


class ModelClient:
    """One session. Commands are said one after another; what comes of each is taken before the next."""

    def __init__(self, server: Server, enable: str = "", mailbox: str = "INBOX") -> None:
        self._server, self._enable, self.mailbox = server, enable, mailbox
        self.has_numbers = "UIDONLY" not in enable
        self.messages: list[Told] = []
        self._codes: dict[str, int] = {}
        self._is_opening = False
        self._exists = 0

    async def connect(self) -> None:
        """Log in and select; who has QRESYNC goes on from what is known, if the mailbox was open before."""
        self.client: Client = await self._server.connect()
        if self._enable:
            await self.client.ok(f"ENABLE {self._enable}")
        resync = ""
        if "QRESYNC" in self._enable and self._codes:
            known = ",".join(str(told.uid) for told in self.messages) or "1"
            resync = f" (QRESYNC ({self._codes['UIDVALIDITY']} {self._codes['HIGHESTMODSEQ']} {known}))"
        else:
            self.messages = []
        for told in self.messages:
            told.is_recent = None  # it is another session
        self._is_opening = bool(resync)
        await self.ok(f"SELECT {self.mailbox}{resync}")
        self._is_opening = False
        self._extend()  # EXISTS was told first, and nothing may have vanished
        await self.learn()

    def forget(self) -> None:
        """Begin anew with the next connection."""
        self.messages, self._codes = [], {}

    async def ok(self, command: str) -> str:
        """Say a command, which has to end well, and take what is heard; the tagged response."""
        tagged = await self.say(command)
        assert tagged.startswith("OK"), f"{command}: {tagged}"
        return tagged

    async def say(self, command: str) -> str:
        """The same, however it ends."""
        *responses, tagged = await self.client.say(command)
        for response in responses:
            self.take(response, is_counting=command.split(maxsplit=1)[0] in ("FETCH", "STORE", "SEARCH"))
        self._note(tagged)
        return tagged

    async def learn(self) -> None:
        """Ask for what it does not know of messages that it knows to be there."""
        if not self.has_numbers:
            if self._exists != len(self.messages):
                await self.ok("UID FETCH 1:* (FLAGS)")
        elif unknown := [n for n, told in enumerate(self.messages, 1) if None in (told.uid, told.flags)]:
            await self.ok(f"FETCH {unknown[0]}:{unknown[-1]} (UID FLAGS)")

    def find(self, uid: int) -> Told | None:
        return next((told for told in self.messages if told.uid == uid), None)

    def expect(self, chosen: Iterable[Told], operation: str, flags: Flags) -> None:
        """Take a silent STORE as done, as clients do when they say it: what is told after that is what holds."""
        for told in chosen:
            if told.flags is not None:
                told.flags = {"+": told.flags | flags, "-": told.flags - flags, "": flags}[operation]

    # --- what is heard

    def take(self, response: str, *, is_counting: bool) -> None:
        """Take an untagged response; `is_counting`: the command is about message numbers (RFC 9051 §7.5.1)."""
        if (vanished := _VANISHED.match(response)) is not None:
            assert bool(vanished[1]) == self._is_opening, response
            assert not is_counting, "a removal was told while numbers are in use"
            gone = numbers(vanished[2])
            for uid in gone:
                self._vanish(uid)
            self._exists -= 0 if self._is_opening else len(gone)
            self._extend()
        elif (match := _NUMBERED.match(response)) is not None:
            self._take_numbered(int(match[1]), match[2], match[3] or "", is_counting=is_counting)
        else:
            self._note(response)

    def _vanish(self, uid: int) -> None:
        found = self.find(uid)
        if found is None and self.has_numbers and not self._is_opening:
            # It has not been told yet which one that is: one between those with lower and higher UIDs.
            below = [at for at, told in enumerate(self.messages) if told.uid is not None and told.uid < uid]
            found = self.messages[below[-1] + 1 if below else 0]
            assert found.uid is None, "a message vanished that was never told"
        if found is not None:
            self.messages = [told for told in self.messages if told is not found]

    def _note(self, response: str) -> None:
        if (code := _CODE.search(response)) is not None:
            assert code[1] != "UIDVALIDITY" or self._codes.get(code[1], int(code[2])) == int(code[2])
            self._codes[code[1]] = int(code[2])

    def _take_numbered(self, number: int, what: str, items: str, *, is_counting: bool) -> None:
        if what == "EXISTS":
            self._exists = number
            if not self._is_opening:
                assert not self.has_numbers or number >= len(self.messages), "messages went without a word"
                self._extend()
        elif what == "EXPUNGE":
            assert not is_counting, "a removal was told while numbers are in use"
            assert self.has_numbers and "QRESYNC" not in self._enable, "VANISHED was asked for"  # noqa: PT018
            del self.messages[number - 1]
            self._exists -= 1
        elif what == "FETCH":
            assert self.has_numbers, "a message number was told"
            self._extend()
            self._take_items(self.messages[number - 1], items)
        else:
            assert not self.has_numbers
            if (told := self.find(number)) is None:
                told = Told(number)
                self.messages = sorted([*self.messages, told], key=lambda told: told.uid or 0)
            self._take_items(told, items)

    def _extend(self) -> None:
        """New messages stand behind those that are known; removals are told before EXISTS but in SELECT."""
        if self.has_numbers and self._exists > len(self.messages):
            self.messages += [Told() for _ in range(self._exists - len(self.messages))]

    def _take_items(self, told: Told, items: str) -> None:
        if (uid := _UID.search(items)) is not None:
            assert told.uid in (None, int(uid[1])), "a number stands for another message than before"
            told.uid = int(uid[1])
        if (flags := _FLAGS.search(items)) is not None:
            told.flags = frozenset(flags[1].split()) - {"\\Recent"}
            is_recent = "\\Recent" in flags[1]
            assert told.is_recent in (None, is_recent), "what is recent to a session changes as long as it lasts"
            told.is_recent = is_recent
