"""A server of a few lines for the tests: it knows who is who by the local part, and keeps the messages it got."""

from __future__ import annotations

from typing import Any

from pillarbox.wire.smtp.reply import DELIVERED, OK, RECIPIENT_OK, SENDER_OK, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import (
    Answer,
    Challenge,
    Connect,
    Event,
    Extensions,
    Fetch,
    Hello,
    Login,
    Message,
    Octets,
    Offer,
    Options,
    Proxied,
    Recipient,
    Sender,
    StartTls,
)

UNKNOWN = Reply(550, "5.1.1", "No such user here")
FULL = Reply(452, "4.2.2", "Mailbox is full")
BANNED = Reply(550, "5.7.1", "Go away")
WRONG = Reply(535, "5.7.8", "Authentication credentials invalid")
IN_THE_CLEAR = Offer(start_tls=True, hold_until="2030-01-31T08:00:00Z")
SECURE = Offer(mechanisms=("PLAIN", "LOGIN"), is_encrypted=True, hold_until="2030-01-31T08:00:00Z")
EVERYTHING = Extensions(
    dsn=True, require_tls=True, hold_seconds=86_400, deliver_by=True, priority=True, limits=True, burl=True
)


class Spool:
    """A sink in memory."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.is_discarded = False

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def discard(self) -> None:
        self.is_discarded = True
        self.pieces.clear()


class Server:
    """Drives a session: `unknown` is refused at RCPT, `full` after the message, the sender `banned` at MAIL.

    With `smtp` it is a server for people who log in as `anna`, with the password `harbour`, after STARTTLS.
    """

    def __init__(self, *, smtp: bool = False, is_secure: bool = False, **options: Any) -> None:
        values: dict[str, Any] = {"hostname": "mx.example.org", "lmtp": True}
        if smtp:
            values |= {"lmtp": False, "asks_all": True, "needs_login": True, "extensions": EVERYTHING}
        self.spools: list[Spool] = []
        self.messages: list[tuple[Message, bytes]] = []
        self.events: list[Event] = []
        self._name = b""
        options_ = Options(**values | options)
        offer = SECURE if is_secure else IN_THE_CLEAR
        self.session = Session(options_, self._open, offer if smtp else None)

    def say(self, data: bytes) -> bytes:
        self.session.receive_data(data)
        while (event := self.session.next_event()) is not None:
            self.events.append(event)
            self.session.answer(self._decide(event))
        return self.session.data_to_send()

    def _open(self) -> Spool:
        self.spools.append(Spool())
        return self.spools[-1]

    def _decide(self, event: Event) -> Answer:
        match event:
            case Connect() | Hello() | Proxied():
                return BANNED if "banned" in repr(event) else OK
            case StartTls():
                self.session.offer = SECURE
                return OK
            case Login():
                return self._log_in(event)
            case Fetch(url):
                return BANNED if "banned" in url else Octets(b"Subject: by URL\r\n\r\n")
            case Sender(sender):
                return BANNED if sender is not None and sender.local == "banned" else SENDER_OK
            case Recipient(recipient):
                return UNKNOWN if recipient.local == "unknown" else RECIPIENT_OK
            case Message():
                spool = event.sink
                assert isinstance(spool, Spool)
                self.messages.append((event, b"".join(spool.pieces)))
                replies = [FULL if to.local == "full" else DELIVERED for to in event.recipients]
                return replies if self.session._conversation.options.lmtp else replies[0]

    def _log_in(self, event: Login) -> Answer:
        if event.mechanism == "PLAIN":
            if event.response is None:
                return Challenge(b"")
            return OK if event.response == b"AGFubmEAaGFyYm91cg==" else WRONG
        if event.is_first and event.response is None:
            return Challenge(b"VXNlcm5hbWU6")
        if not self._name:
            self._name = event.response or b"?"
            return Challenge(b"UGFzc3dvcmQ6")
        name, self._name = self._name, b""
        return OK if (name, event.response) == (b"YW5uYQ==", b"aGFyYm91cg==") else WRONG


def spoken(server: Server, *lines: str) -> bytes:
    """Says the lines one by one; the answer to the last."""
    answer = b""
    for line in lines:
        answer = server.say(line.encode() + b"\r\n")
    return answer
