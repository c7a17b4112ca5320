"""A client's end of an SMTP or LMTP connection, without the socket.

Each thing to do is a generator, an `Exchange`: it yields for how many seconds the server may take now, and is resumed
when something was received. Sections: RFC 5321 §3, §4.5.3.2 (timeouts), RFC 2033, RFC 2920, RFC 3030, RFC 3207.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from pillarbox.wire.reader import EndOfInput, Reader
from pillarbox.wire.smtp_client import command
from pillarbox.wire.smtp_client.capability import Capabilities, capabilities
from pillarbox.wire.smtp_client.message import Parcel, hindrance, stuffed
from pillarbox.wire.smtp_client.reply import Reply, ReplyError, read_reply

T = TypeVar("T")
Exchange: TypeAlias = Generator[float, None, T]
_MAX_HELD = 1 << 20  # octets of replies that may wait to be read


class Dropped(Exception):
    """The connection is gone, or cannot be used any more; what was not answered may be tried over another."""


class Withdrawn(Exception):
    """The message was not ours to send any more before its end had been sent: no server has taken it."""


class Refused(Exception):
    """The server said no to something without which the connection is of no use."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a server may take for each thing, in seconds (RFC 5321 §4.5.3.2)."""

    greeting: float = 300.0
    hello: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    end: float = 600.0
    quit: float = 5.0


class Conversation:
    """One connection's state: what is to be sent, what the server offers, how many messages it has taken."""

    def __init__(self, name: str, *, is_lmtp: bool = False, timeouts: Timeouts | None = None) -> None:
        """`name` is what we call ourselves."""
        self._name, self._is_lmtp = name, is_lmtp
        self.timeouts = timeouts or Timeouts()
        self._reader = Reader()
        self._out: deque[bytes] = deque()
        self.offered = Capabilities()
        self.messages = 0
        self.replies = 0  # that were read whole: each has its own time
        self.is_closing = False  # the server has said that it ends the connection
        self.is_given = False  # the content of the last message is on its way
        self._is_open = False  # a transaction has begun that RSET has to end
        self._may_go: Callable[[], bool] | None = None  # while content goes out

    # --- octets

    def data_to_send(self) -> bytes:
        """A piece of what is to be sent now, once; b"" when there is no more. Raises Withdrawn."""
        if self._out and self._may_go is not None and not self._may_go():
            self.is_closing = True
            raise Withdrawn("somebody else may send it by now")
        return self._out.popleft() if self._out else b""

    def receive_data(self, data: bytes) -> None:
        """Take what the server sent; nothing means that it closed the connection."""
        if not data:
            self._reader.feed_end()
            return
        self._reader.feed(data)
        if len(self._reader) > _MAX_HELD:
            raise Dropped("the server says more than it was asked")

    @property
    def is_quiet(self) -> bool:
        """Whether the server has said nothing that nobody asked for."""
        return len(self._reader) == 0

    def reply(self, seconds: float) -> Exchange[Reply]:
        """The server's next reply. Raises Dropped."""
        reading: Generator[None, Any, Reply] = read_reply(self._reader)
        try:
            while True:
                next(reading)
                yield seconds
        except StopIteration as end:
            reply: Reply = end.value
        except EndOfInput:
            raise Dropped("the server closed the connection") from None
        except ReplyError as error:
            self.is_closing = True
            raise Dropped(str(error)) from None
        self.replies += 1
        # RFC 5321 §3.8: 421 may come in place of any reply
        self.is_closing = self.is_closing or reply.code == 421
        return reply

    def ask(self, line: bytes, seconds: float) -> Exchange[Reply]:
        """Send a command and read its reply."""
        self._say(line)
        return (yield from self.reply(seconds))

    def _say(self, *pieces: bytes) -> None:
        """Put octets into the line. What the server said before it knew them is no answer to them."""
        if len(self._reader):
            raise Dropped("the server answers what it was not asked")
        self._out.extend(pieces)

    # --- before mail

    def greet(self) -> Exchange[None]:
        """The greeting and our hello. Raises Refused, Dropped."""
        reply = yield from self.reply(self.timeouts.greeting)
        if reply.code != 220:
            raise Refused(reply)
        yield from self.hello()

    def hello(self) -> Exchange[None]:
        """Say who we are, and learn what the server can; HELO to one that does not know EHLO (RFC 5321 §3.2)."""
        verb = "LHLO" if self._is_lmtp else "EHLO"
        reply = yield from self.ask(command.hello(verb, self._name), self.timeouts.hello)
        if reply.is_ok:
            self.offered = capabilities(reply)
            return
        if self._is_lmtp or not 500 <= reply.code <= 504 or self.is_closing:
            raise Refused(reply)
        reply = yield from self.ask(command.hello("HELO", self._name), self.timeouts.hello)
        if not reply.is_ok:
            raise Refused(reply)
        self.offered = Capabilities()

    def start_tls(self) -> Exchange[None]:
        """Ask to begin TLS; it begins when this returns. Raises Refused.

        RFC 3207 §4.2: what was learnt before is forgotten, and so is what the server has said beyond its reply.
        """
        reply = yield from self.ask(b"STARTTLS\r\n", self.timeouts.hello)
        if reply.code != 220:
            raise Refused(reply)
        if len(self._reader):
            # RFC 3207 §5: somebody wants commands or replies to be taken for protected ones
            raise Dropped("the server went on speaking after it had agreed to begin TLS")
        self.offered = Capabilities()

    # --- mail

    def send(self, parcel: Parcel) -> Exchange[list[Reply]]:
        """Send a parcel; a reply for each recipient, which is the last word on it.

        Raises CommandError, before anything was sent, for what cannot be part of a command; Dropped; Withdrawn.
        """
        self.is_given = False
        if (problem := hindrance(parcel, self.offered)) is not None:
            return [problem] * len(parcel.recipients)
        lines = [command.mail(parcel, self.offered), *(command.rcpt(to, self.offered) for to in parcel.recipients)]
        if self._is_open:
            yield from self._reset()
        self._is_open = True
        chunked = "CHUNKING" in self.offered
        if "PIPELINING" in self.offered:
            replies, go_on = yield from self._envelope_at_once(lines, chunked=chunked)
        else:
            replies, go_on = yield from self._envelope(lines, chunked=chunked)
        accepted = [at for at, reply in enumerate(replies) if reply.is_ok]
        if go_on is not None and go_on.code != 354:
            if go_on.code < 400:
                raise Dropped(f"the server answers DATA with {go_on}")
            # RFC 5321 §3.3: the server takes none after all
            return [go_on if at in accepted else reply for at, reply in enumerate(replies)]
        if not accepted:
            return (yield from self._nothing(replies, is_waiting=go_on is not None))
        self._content(parcel.data, chunked=chunked)
        self.is_given, self._may_go = True, parcel.may_go
        last = yield from self._end(len(accepted))
        self._may_go = None
        self._is_open = False
        self.messages += any(reply.is_ok for reply in last)
        for at, reply in zip(accepted, last, strict=True):
            replies[at] = reply
        return replies

    def quit(self) -> Exchange[None]:
        """Take leave (RFC 5321 §4.1.1.10)."""
        with contextlib.suppress(Dropped):
            yield from self.ask(b"QUIT\r\n", self.timeouts.quit)

    def _reset(self) -> Exchange[None]:
        reply = yield from self.ask(b"RSET\r\n", self.timeouts.mail)
        if not reply.is_ok:
            raise Dropped(f"the server does not end a transaction: {reply}")
        self._is_open = False

    def _envelope_at_once(self, lines: list[bytes], *, chunked: bool) -> Exchange[tuple[list[Reply], Reply | None]]:
        """Everything up to DATA in one go (RFC 2920 §3.1)."""
        self._say(b"".join(lines) + (b"" if chunked else b"DATA\r\n"))
        first = yield from self.reply(self.timeouts.mail)
        replies: list[Reply] = []
        while len(replies) < len(lines) - 1:
            replies.append((yield from self.reply(self.timeouts.rcpt)))
        go_on = None if chunked else (yield from self.reply(self.timeouts.data))
        return ([first] * len(replies) if not first.is_ok else replies), go_on

    def _envelope(self, lines: list[bytes], *, chunked: bool) -> Exchange[tuple[list[Reply], Reply | None]]:
        first = yield from self.ask(lines[0], self.timeouts.mail)
        if not first.is_ok:
            return [first] * (len(lines) - 1), None
        replies: list[Reply] = []
        for line in lines[1:]:
            reply = yield from self.ask(line, self.timeouts.rcpt)
            replies.append(reply)
            if self.is_closing:
                replies += [reply] * (len(lines) - 1 - len(replies))
                return [reply if one.is_ok else one for one in replies], None
        if chunked or not any(reply.is_ok for reply in replies):
            return replies, None
        return replies, (yield from self.ask(b"DATA\r\n", self.timeouts.data))

    def _nothing(self, replies: list[Reply], *, is_waiting: bool) -> Exchange[list[Reply]]:
        """Nobody is to have it. A server that waits for content all the same gets none (RFC 2920 §3.1)."""
        if is_waiting:
            self._say(b".\r\n")
            last = yield from self.reply(self.timeouts.end)
            if last.is_ok:  # it has taken an empty message for nobody, or, in LMTP, something else
                self._is_open = False
        return replies

    def _content(self, data: bytes, *, chunked: bool) -> None:
        if chunked:
            # RFC 3030 §2: what follows is counted, so nothing in it can be taken for its end
            self._say(b"BDAT %d LAST\r\n" % len(data), data)
        else:
            self._say(*stuffed(data))

    def _end(self, accepted: int) -> Exchange[list[Reply]]:
        last = yield from self.reply(self.timeouts.end)
        # RFC 2033 §4.2: LMTP has a reply for each recipient that was accepted, but for one that refuses the command.
        if not self._is_lmtp:
            return [last] * accepted
        replies = [last]
        try:
            while len(replies) < accepted:
                replies.append((yield from self.reply(self.timeouts.end)))
        except Dropped as dropped:  # those that were answered have it: only the others are tried again
            lost = Reply(421, (f"4.4.2 {dropped}",))
            replies += [lost] * (accepted - len(replies))
            self.is_closing = True
        return replies
