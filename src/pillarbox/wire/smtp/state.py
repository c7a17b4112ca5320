"""What a conversation knows: its options, the transaction under way, and the events that it tells the server.

Sections: RFC 5321 §3.3, §4.5.3; RFC 2033 §4.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from pillarbox.wire.reader import Reader
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.dot import LineCheck
from pillarbox.wire.smtp.parameter import MailParameters
from pillarbox.wire.smtp.reply import Reply, reply_to_bytes


class Sink(Protocol):
    """Where the octets of a message go, dots unstuffed, as they come."""

    def write(self, data: bytes) -> None:
        """Take the next octets."""

    def discard(self) -> None:
        """Forget all: the message is refused or broken off. Not called after the message was handed over."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a listener behaves; sizes in octets, 0 is no limit.

    `max_command_line` has room for the 512 of RFC 5321 §4.5.3.1.4 and what the extensions add: SIZE 26, BODY 16,
    SMTPUTF8 10, and long internationalized addresses. `keep_bare_newlines` takes messages with a bare CR or LF, as
    content; `max_text_line` counts the CRLF.
    """

    hostname: str
    lmtp: bool = False
    max_size: int = 50 * 1024 * 1024
    max_recipients: int = 1000
    max_errors: int = 20
    max_command_line: int = 2048
    max_text_line: int = 0
    keep_bare_newlines: bool = False
    max_buffered: int = 1024 * 1024


@dataclass(slots=True)
class Transaction:
    """One message on its way: who sends it (None is the null reverse-path), to whom, and the octets so far."""

    sender: Address | None
    parameters: MailParameters
    recipients: list[Address] = field(default_factory=list)
    sink: Sink | None = None
    size: int = 0
    check: LineCheck | None = None  # set when content begins to come
    fault: Reply | None = None  # why the message will be refused, though its octets are still swallowed

    def discard(self) -> None:
        """Give the octets up."""
        if self.sink is not None:
            self.sink.discard()
            self.sink = None


class Sender(msgspec.Struct, frozen=True):
    """MAIL was given; answer with one Reply."""

    sender: Address | None
    parameters: MailParameters


class Recipient(msgspec.Struct, frozen=True):
    """RCPT was given; answer with one Reply; a positive one puts the recipient on the list."""

    recipient: Address


class Message(msgspec.Struct, frozen=True):
    """A message is complete in the sink.

    Answer with one Reply; in LMTP also with a list of them, one for each of `recipients`, in order (RFC 2033 §4.2).
    """

    sender: Address | None
    recipients: tuple[Address, ...]
    parameters: MailParameters
    sink: Sink
    size: int
    peer_name: str


Event = Sender | Recipient | Message
Answer = Reply | list[Reply]
# A command that must wait is a generator: it yields None to wait for octets, and an Event to wait for its Answer.
Step = Generator[Event | None, Any, None]


@dataclass(slots=True)
class Conversation:
    """The state that commands share."""

    options: Options
    open_sink: Callable[[], Sink]
    reader: Reader = field(default_factory=Reader)
    output: bytearray = field(default_factory=bytearray)
    peer_name: str = ""
    verb: str = ""
    transaction: Transaction | None = None
    errors: int = 0
    closed: bool = False

    def say(self, reply: Reply) -> None:
        """Send a reply."""
        self.output += reply_to_bytes(reply)

    def refuse(self, reply: Reply) -> None:
        """Send a negative reply for the peer's own mistake, and count it."""
        self.errors += 1
        self.say(reply)

    def reset(self) -> None:
        """Forget the transaction (RFC 5321 §4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.discard()
            self.transaction = None
