"""A small IMAP server on loopback that tests fetch from: as odd, and as broken, as others' servers are."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

GMAIL = "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR NAMESPACE LIST-EXTENDED SPECIAL-USE CONDSTORE X-GM-EXT-1"


_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


@dataclass
class Message:
    """A message, with flags and labels as they stand on the wire."""

    data: bytes
    flags: str = ""
    date: str = "05-Apr-2023 06:07:08 +0000"
    labels: str = ""
    modseq: int = 1
    told_size: int | None = None


@dataclass
class Folder:
    """A folder and its messages by UID."""

    messages: dict[int, Message] = field(default_factory=dict)
    attributes: str = ""
    is_subscribed: bool = True
    uid_validity: int = 7


@dataclass
class Source:
    """What the server has and how it behaves. `folders` go by their names on the wire."""

    folders: dict[str, Folder]
    capabilities: str = "IMAP4rev1 AUTH=PLAIN SASL-IR NAMESPACE LIST-EXTENDED SPECIAL-USE CONDSTORE"
    separator: str = "/"
    namespace: str = '(("" "/")) NIL NIL'
    passwords: dict[str, str] = field(default_factory=lambda: {"alice": "secret-a"})
    refused: set[int] = field(default_factory=set)  # UIDs whose octets are refused with NO
    unsaid: set[int] = field(default_factory=set)  # UIDs that are left out of the answer
    deadly: set[int] = field(default_factory=set)  # UIDs at which the connection is closed
    silent: set[int] = field(default_factory=set)  # UIDs at which nothing is said any more
    vanishing: set[int] = field(default_factory=set)  # UIDs that are expunged when their octets are asked for
    refusals: list[str] = field(default_factory=list)  # what the next FETCH commands are answered with
    commands: list[str] = field(default_factory=list)
    port: int = 0
    is_down: bool = False


class _Session:
    def __init__(self, source: Source, sock: socket.socket) -> None:
        self.source = source
        self.sock = sock
        self.file = sock.makefile("rb")
        self.folder = Folder()

    def say(self, text: str | bytes) -> None:
        self.sock.sendall((text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text) + b"\r\n")

    def line(self) -> str:
        """A command, whose literals stand in it as if they were quoted."""
        line = self.file.readline()
        while (found := _LITERAL.search(line)) is not None:
            self.say("+ go on")
            literal = self.file.read(int(found[1]))
            quoted = b'"' + re.sub(rb'(["\\])', rb"\\\1", literal) + b'"'
            line = line[: found.start()] + quoted + self.file.readline()
        if not line:
            raise ConnectionError
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")

    def run(self) -> None:
        if self.source.is_down:
            self.say("* BYE come back later")
            return
        self.say(f"* OK [CAPABILITY {self.source.capabilities}] ready")
        while True:
            tag, name, *rest = self.line().split(" ", 2)
            arguments = rest[0] if rest else ""
            if name == "UID":
                name, _, arguments = arguments.partition(" ")
            self.source.commands.append(f"{name} {arguments}".strip())
            handler: Callable[[str], str] | None = getattr(self, f"do_{name.lower()}", None)
            self.say(f"{tag} {handler(arguments) if handler else 'BAD what?'}")
            if name == "LOGOUT":
                return

    def do_capability(self, _: str) -> str:
        self.say(f"* CAPABILITY {self.source.capabilities}")
        return "OK"

    def do_login(self, arguments: str) -> str:
        user, password = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
        return self._judge(user, re.sub(r"\\(.)", r"\1", password))

    def do_authenticate(self, arguments: str) -> str:

        mechanism, _, initial = arguments.partition(" ")
        if not initial:
            self.say("+ ")
            initial = self.line()
        said = base64.b64decode(initial).decode()
        if mechanism == "PLAIN":
            _, user, password = said.split("\0")
            return self._judge(user, password)
        user, token = said.split("\1")[0].removeprefix("user="), said.split("auth=Bearer ")[1].rstrip("\1")
        if self.source.passwords.get(user) == token:
            return "OK in"
        self.say("+ eyJzdGF0dXMiOiI0MDAifQ==")
        assert self.line() == ""
        return "NO [AUTHENTICATIONFAILED] the token is too old"

    def _judge(self, user: str, password: str) -> str:
        if self.source.passwords.get(user) == password:
            return f"OK [CAPABILITY {self.source.capabilities}] in"
        return "NO [AUTHENTICATIONFAILED] wrong"

    def do_namespace(self, _: str) -> str:
        self.say(f"* NAMESPACE {self.source.namespace}")
        return "OK"

    def do_list(self, arguments: str) -> str:
        extended = "RETURN" in arguments
        for name, folder in self.source.folders.items():
            words = folder.attributes + (r" \Subscribed" if extended and folder.is_subscribed else "")
            self._tell("LIST", words.strip(), name)
        return "OK"

    def do_lsub(self, _: str) -> str:
        for name, folder in self.source.folders.items():
            if folder.is_subscribed:
                self._tell("LSUB", "", name)
        return "OK"

    def _tell(self, verb: str, words: str, name: str) -> None:
        octets = name.encode("utf-8", "surrogateescape")
        separator = f'"{self.source.separator}"' if self.source.separator else "NIL"
        self.say(f"* {verb} ({words}) {separator} ".encode() + b"{%d}\r\n%b" % (len(octets), octets))

    def do_examine(self, arguments: str) -> str:
        quoted, _, _ = (
            arguments.rpartition(" (CONDSTORE)") if arguments.endswith("(CONDSTORE)") else (arguments, "", "")
        )
        name = re.sub(r"\\(.)", r"\1", quoted[1:-1])
        if name not in self.source.folders:
            return "NO [NONEXISTENT] no such folder"
        self.folder = self.source.folders[name]
        if r"\Forbidden" in self.folder.attributes:
            return "NO [NOPERM] not for you"
        self.say(f"* {len(self.folder.messages)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.folder.uid_validity}] here")
        if "CONDSTORE" in self.source.capabilities:
            highest = max((m.modseq for m in self.folder.messages.values()), default=1)
            self.say(f"* OK [HIGHESTMODSEQ {highest}] here")
        return "OK [READ-ONLY]"

    def do_fetch(self, arguments: str) -> str:
        if self.source.refusals and "BODY" in arguments:
            return self.source.refusals.pop(0)
        uids, _, items = arguments.partition(" ")
        since = re.search(r"CHANGEDSINCE (\d+)", items)
        for uid in self._wanted(uids):
            message = self.folder.messages[uid]
            if since is not None and message.modseq <= int(since[1]):
                continue
            if "BODY" in items:
                if uid in self.source.deadly:
                    raise ConnectionError
                if uid in self.source.silent:
                    self.line()  # until the client goes away
                if uid in self.source.refused:
                    return "NO the message is damaged"
                if uid in self.source.vanishing:
                    del self.folder.messages[uid]
                if uid in self.source.unsaid | self.source.vanishing:
                    continue
            self._tell_message(uid, message, items)
        return "OK"

    def _wanted(self, uids: str) -> list[int]:
        highest = max(self.folder.messages, default=0)
        out: set[int] = set()
        for part in uids.split(","):
            first, _, last = part.partition(":")
            end = highest if last == "*" else int(last or first)
            low, high = sorted((int(first), end))  # RFC 9051 §9: in either order
            out.update(uid for uid in self.folder.messages if low <= uid <= high)
        return sorted(out)

    def _tell_message(self, uid: int, message: Message, items: str) -> None:
        size = len(message.data) if message.told_size is None else message.told_size
        parts = [f"UID {uid}"]
        parts += [f"FLAGS ({message.flags})"] if "FLAGS" in items else []
        parts += [f"RFC822.SIZE {size}"] if "RFC822.SIZE" in items else []
        parts += [f"X-GM-LABELS ({message.labels})"] if "X-GM-LABELS" in items else []
        parts += [f'INTERNALDATE "{message.date}"'] if "INTERNALDATE" in items else []
        number = list(self.folder.messages).index(uid) + 1 if uid in self.folder.messages else 1
        told = f"* {number} FETCH ({' '.join(parts)}".encode()
        if "BODY" in items:
            told += b" BODY[] {%d}\r\n%b" % (len(message.data), message.data)
        self.say(told + b")")

    def do_logout(self, _: str) -> str:
        self.say("* BYE bye")
        return "OK"


def _serve(source: Source, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_talk, args=(source, client), daemon=True).start()


def _talk(source: Source, client: socket.socket) -> None:
    with client, contextlib.suppress(OSError):
        session = _Session(source, client)
        try:
            session.run()
        finally:
            session.file.close()


@contextlib.contextmanager
def serving(source: Source) -> Iterator[Source]:
    """Serve on a port of this machine, which is put into `source.port`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source.port = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(source, listener), daemon=True).start()
        yield source
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def letter(number: int, text: str = "") -> Message:
    """A message with this number in its subject."""
    return Message(f"Subject: Letter {number:05}\r\nMessage-ID: <{number}@example.org>\r\n\r\n{text}\r\n".encode())


def letters(*numbers: int) -> dict[int, Message]:
    """Messages whose UIDs are their numbers."""
    return {number: letter(number) for number in numbers}
