"""From octets to messages: fragments put together, control frames told apart, limits kept.

RFC 6455 §5.4, §5.5, §8.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pillarbox.wire.websocket.deflate import TooLarge, inflate
from pillarbox.wire.websocket.frame import CloseCode, Failure, Head, Opcode, take_head, unmask

# What an endpoint may say in a Close frame: those of the registry that are not reserved, and those for applications.
_CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))
_APPLICATIONS = range(3000, 5000)
_MAX_FRAMES = 20_000  # of one message: each costs more than its octets


class Text(msgspec.Struct, frozen=True, gc=False):
    """A message, in UTF-8 that was checked."""

    data: bytes


class Ping(msgspec.Struct, frozen=True, gc=False):
    """A question whether we are there, to be answered with the same octets."""

    data: bytes


class Pong(msgspec.Struct, frozen=True, gc=False):
    """An answer to a ping of ours, or an unasked sign of life."""

    data: bytes


class Close(msgspec.Struct, frozen=True, gc=False):
    """The peer's last word; it is answered with the same code."""

    code: int
    reason: str


Event = Text | Ping | Pong | Close


class Receiver:
    """Takes what a client sends. It holds at most one message, and nothing between messages."""

    __slots__ = ("_buffer", "_deflates", "_frames", "_head", "_is_compressed", "_left", "_max_size", "_message")

    def __init__(self, max_size: int, *, deflates: bool) -> None:
        """`max_size` is the largest message in octets, also before and after decompression."""
        self._max_size, self._deflates = max_size, deflates
        self._buffer = bytearray()
        self._head: Head | None = None
        self._left = self._frames = 0
        self._message: bytearray | None = None
        self._is_compressed = False

    @property
    def held(self) -> int:
        """How many octets of an unfinished message are held."""
        return len(self._buffer) + len(self._message or b"")

    @property
    def is_amid(self) -> bool:
        """Whether the client owes us the rest of a frame or of a message."""
        return bool(self._buffer) or self._head is not None or self._message is not None

    def receive(self, data: bytes) -> Iterator[Event]:
        """What the octets complete. Raises Failure; nothing may be received after that, or after a Close."""
        self._buffer += data
        while True:
            if self._head is None:
                self._head = take_head(self._buffer)
                if self._head is None:
                    return
                self._begin(self._head)
            head = self._head
            if head.is_control:
                if len(self._buffer) < head.length:
                    return
                yield self._control(head)
            elif not self._take(head):
                return
            elif head.is_final:
                yield self._finish()
            self._head = None

    def _begin(self, head: Head) -> None:
        """Check that the frame may come now."""
        self._left = head.length
        if head.is_control:
            return
        if head.opcode is Opcode.BINARY:
            raise Failure(CloseCode.UNSUPPORTED_DATA, "messages are text")
        if (head.opcode is Opcode.CONTINUATION) == (self._message is None):
            raise Failure(CloseCode.PROTOCOL_ERROR, "a message has one first fragment, and others after it")
        if head.opcode is Opcode.TEXT:
            if head.is_compressed and not self._deflates:
                raise Failure(CloseCode.PROTOCOL_ERROR, "compression was not agreed upon")
            self._message, self._is_compressed, self._frames = bytearray(), head.is_compressed, 0
        elif head.is_compressed:
            # RFC 7692 §6.1: only the first fragment of a message says that it is compressed.
            raise Failure(CloseCode.PROTOCOL_ERROR, "a later fragment says that it is compressed")
        self._frames += 1
        if len(self._message or b"") + head.length > self._max_size or self._frames > _MAX_FRAMES:
            raise Failure(CloseCode.TOO_BIG, f"a message has at most {self._max_size} octets")

    def _take(self, head: Head) -> bool:
        """Take what is there of the frame's octets; True when it is whole."""
        count = min(self._left, len(self._buffer))
        if count:
            assert self._message is not None
            piece = self._buffer[:count]
            del self._buffer[:count]
            self._message += unmask(piece, head.key)
            self._left -= count
            turn = count % 4
            head.key = head.key[turn:] + head.key[:turn]
        return not self._left

    def _finish(self) -> Text:
        data, self._message = bytes(self._message or b""), None
        if self._is_compressed:
            try:
                data = inflate(data, self._max_size)
            except TooLarge:
                raise Failure(CloseCode.TOO_BIG, f"a message has at most {self._max_size} octets") from None
            except ValueError:
                raise Failure(CloseCode.INVALID_DATA, "the message cannot be decompressed") from None
        try:
            data.decode()
        except UnicodeDecodeError:
            # RFC 6455 §8.1: whoever finds that text is not UTF-8 "MUST _Fail the WebSocket Connection_".
            raise Failure(CloseCode.INVALID_DATA, "the message is not UTF-8") from None
        return Text(data)

    def _control(self, head: Head) -> Event:
        data = bytes(unmask(self._buffer[: head.length], head.key))
        del self._buffer[: head.length]
        if head.opcode is Opcode.PING:
            return Ping(data)
        if head.opcode is Opcode.PONG:
            return Pong(data)
        return _close(data)


def _close(data: bytes) -> Close:
    if not data:
        return Close(CloseCode.NO_STATUS, "")
    code = int.from_bytes(data[:2], "big")
    if len(data) < 2 or not (code in _CLOSE_CODES or code in _APPLICATIONS):
        raise Failure(CloseCode.PROTOCOL_ERROR, "a code that nobody may close with")
    try:
        return Close(code, data[2:].decode())
    except UnicodeDecodeError:
        raise Failure(CloseCode.INVALID_DATA, "the reason is not UTF-8") from None
