"""A server of a few lines for the tests: it knows who is who by the local part, and keeps the messages it got."""

from __future__ import annotations

from pillarbox.wire.smtp.reply import DELIVERED, RECIPIENT_OK, SENDER_OK, Reply
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Answer, Event, Message, Options, Recipient, Sender

UNKNOWN = Reply(550, "5.1.1", "No such user here")
FULL = Reply(452, "4.2.2", "Mailbox is full")
BANNED = Reply(550, "5.7.1", "Go away")


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
    """Drives a session: `unknown` is refused at RCPT, `full` after the message, the sender `banned` at MAIL."""

    def __init__(self, **options: object) -> None:
        values: dict[str, object] = {"hostname": "mx.example.org", "lmtp": True} | options
        self.spools: list[Spool] = []
        self.messages: list[tuple[Message, bytes]] = []
        self.session = Session(Options(**values), self._open)  # type: ignore[arg-type]

    def say(self, data: bytes) -> bytes:
        self.session.receive_data(data)
        while (event := self.session.next_event()) is not None:
            self.session.answer(self._decide(event))
        return self.session.data_to_send()

    def _open(self) -> Spool:
        self.spools.append(Spool())
        return self.spools[-1]

    def _decide(self, event: Event) -> Answer:
        match event:
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


def spoken(server: Server, *lines: str) -> bytes:
    """Says the lines one by one; the answer to the last."""
    answer = b""
    for line in lines:
        answer = server.say(line.encode() + b"\r\n")
    return answer
