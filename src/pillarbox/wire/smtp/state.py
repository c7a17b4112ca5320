"""What a conversation knows: its options, the transaction under way, and the events that it tells the server.

Sections: RFC 5321 §3.3, §4.5.3; RFC 2033 §4; RFC 4954 §4; RFC 3207 §4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from pillarbox.wire.reader import Reader
from pillarbox.wire.smtp.address import Address
from pillarbox.wire.smtp.dot import LineCheck
from pillarbox.wire.smtp.parameter import MailParameters, RecipientParameters
from pillarbox.wire.smtp.reply import Reply, reply_to_bytes


class Sink(Protocol):
    """Where the octets of a message go, dots unstuffed, as they come."""

    def write(self, data: bytes) -> None:
        """Take the next octets."""

    def discard(self) -> None:
        """Forget all: the message is refused or broken off. Not called after the message was handed over."""


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the optional extensions a listener has; numbers are what it says of them, 0 where it has none."""

    dsn: bool = False
    require_tls: bool = False
    hold_seconds: int = 0  # FUTURERELEASE: at most
    deliver_by: bool = False
    priority: bool = False
    limits: bool = False
    burl: bool = False


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a listener behaves; sizes in octets, 0 is no limit.

    `max_command_line` has room for the 512 of RFC 5321 §4.5.3.1.4 and what the extensions add: SIZE 26, BODY 16,
    SMTPUTF8 10, and long internationalized addresses. `keep_bare_newlines` takes messages with a bare CR or LF, as
    content; `max_text_line` counts the CRLF. With `asks_all` the server decides about connections and HELO too, else it
    is only asked from MAIL on. `max_idle` bounds the commands in a row that bring no message any nearer.
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
    refuse_nul: bool = False
    max_idle: int = 0
    max_auth_line: int = 18_000  # RFC 4954 §4 wants room for 12,288; tokens may take more
    asks_all: bool = False
    needs_login: bool = False
    extensions: Extensions = Extensions()


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be had on a connection at the moment; the server says so when it begins, and whenever it changes."""

    mechanisms: tuple[str, ...] = ()  # to log in by, the best first
    start_tls: bool = False
    is_encrypted: bool = False
    hold_until: str = ""  # the date of FUTURERELEASE
    xclient: bool = False


@dataclass(slots=True)
class Transaction:
    """One message on its way: who sends it (None is the null reverse-path), to whom, and the octets so far."""

    sender: Address | None
    parameters: MailParameters
    recipients: list[Recipient] = field(default_factory=list)
    sink: Sink | None = None
    size: int = 0
    check: LineCheck | None = None  # set when content begins to come
    fault: Reply | None = None  # why the message will be refused, though its octets are still swallowed

    def discard(self) -> None:
        """Give the octets up."""
        if self.sink is not None:
            self.sink.discard()
            self.sink = None


class Connect(msgspec.Struct, frozen=True):
    """Somebody has connected; answer with a positive Reply for the banner, or with the one that sends them away."""


class Hello(msgspec.Struct, frozen=True):
    """HELO, or EHLO when `is_extended`; answer with one Reply, whose text does not matter when it is positive."""

    name: str
    is_extended: bool


class StartTls(msgspec.Struct, frozen=True):
    """TLS begins when what is to be sent has been; answer with any Reply as soon as it is there.

    Before the answer, tell the new Offer, and forget whatever the client said of itself (RFC 3207 §4.2).
    """


class Login(msgspec.Struct, frozen=True):
    """A step of AUTH: `response` is Base64 as the client wrote it, None for the first when it sent none.

    Answer with a Challenge, or with the Reply that ends the exchange. `is_first`: what was before is over.
    """

    mechanism: str
    response: bytes | None
    is_first: bool


class Proxied(msgspec.Struct, frozen=True):
    """XCLIENT: what a proxy knows of its client, by the attribute's name; None for what it does not know.

    Answer with a Reply; after a positive one everything begins anew, with Connect.
    """

    attributes: dict[str, str | None]


class Sender(msgspec.Struct, frozen=True):
    """MAIL was given; answer with one Reply."""

    sender: Address | None
    parameters: MailParameters


class Recipient(msgspec.Struct, frozen=True):
    """RCPT was given; answer with one Reply; a positive one puts the recipient on the list."""

    recipient: Address
    parameters: RecipientParameters = RecipientParameters()


class Fetch(msgspec.Struct, frozen=True):
    """BURL: content by a URL. Answer with its Octets, or with the Reply that refuses it."""

    url: str


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
    asked: tuple[RecipientParameters, ...] = ()  # of each recipient


class Challenge(msgspec.Struct, frozen=True):
    """What the client is asked next, in Base64."""

    line: bytes


class Octets(msgspec.Struct, frozen=True):
    """What a URL stands for."""

    data: bytes


Event = Connect | Hello | StartTls | Login | Proxied | Sender | Recipient | Fetch | Message
Answer = Reply | list[Reply] | Challenge | Octets
# A command that must wait is a generator: it yields None to wait for octets, and an Event to wait for its Answer.
Step = Generator[Event | None, Any, None]


@dataclass(slots=True)
class Conversation:
    """The state that commands share."""

    options: Options
    open_sink: Callable[[], Sink]
    reader: Reader = field(default_factory=Reader)
    output: bytearray = field(default_factory=bytearray)
    offer: Offer = field(default_factory=Offer)
    peer_name: str = ""
    is_logged_in: bool = False
    verb: str = ""
    transaction: Transaction | None = None
    errors: int = 0
    idle: int = 0  # commands since there was mail
    closed: bool = False

    def say(self, reply: Reply) -> None:
        """Send a reply."""
        self.output += reply_to_bytes(reply)

    def refuse(self, reply: Reply) -> None:
        """Send a negative reply for the peer's own mistake, and count it."""
        self.errors += 1
        self.say(reply)

    @property
    def can_log_in(self) -> bool:
        """Whether AUTH is offered: once in a session (RFC 4954 §4), and where the server lets it be."""
        return bool(self.offer.mechanisms) and not self.is_logged_in

    def begin_anew(self) -> None:
        """Forget everything that was said, and what waits to be read (RFC 3207 §4.2)."""
        self.reset()
        self.reader.discard()
        self.peer_name, self.is_logged_in = "", False

    def reset(self) -> None:
        """Forget the transaction (RFC 5321 §4.1.1.5)."""
        if self.transaction is not None:
            self.transaction.discard()
            self.transaction = None
