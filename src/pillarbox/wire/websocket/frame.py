"""Frames: what a server writes, and how the head of a client's is read (RFC 6455 §5.2)."""

from __future__ import annotations

from enum import IntEnum

_FIN, _COMPRESSED, _MASKED = 0x80, 0x40, 0x80
_MAX_CONTROL = 125
_XOR = tuple(bytes(octet ^ key for octet in range(256)) for key in range(256))


class Opcode(IntEnum):
    """What a frame is for (RFC 6455 §11.8)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why a connection is closed (RFC 6455 §7.4.1 and its registry)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005  # never sent: a Close frame without a code
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TRY_AGAIN_LATER = 1013


class Failure(Exception):
    """What the peer sent is not allowed; the connection is to be closed with this code (RFC 6455 §7.1.7)."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Head:
    """The head of one frame."""

    __slots__ = ("is_compressed", "is_final", "key", "length", "opcode")

    def __init__(self, opcode: Opcode, length: int, key: bytes, *, is_final: bool, is_compressed: bool) -> None:
        self.opcode, self.length, self.key = opcode, length, key
        self.is_final, self.is_compressed = is_final, is_compressed

    @property
    def is_control(self) -> bool:
        """Whether the frame is Close, Ping or Pong, which may stand between the fragments of a message."""
        return self.opcode >= Opcode.CLOSE


def take_head(buffer: bytearray) -> Head | None:
    """Take a client's frame head from the front of what was received; None until it is whole. Raises Failure."""
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    opcode = _opcode(first & 0x0F)
    # RFC 6455 §5.2: reserved bits "MUST be 0 unless an extension is negotiated that defines meanings".
    if first & 0x30:
        raise Failure(CloseCode.PROTOCOL_ERROR, "a reserved bit is set")
    # RFC 6455 §5.1: "The server MUST close the connection upon receiving a frame that is not masked."
    if not second & _MASKED:
        raise Failure(CloseCode.PROTOCOL_ERROR, "a frame is not masked")
    short = second & 0x7F
    wide = {126: 2, 127: 8}.get(short, 0)
    if opcode >= Opcode.CLOSE and (not first & _FIN or first & _COMPRESSED or short > _MAX_CONTROL):
        raise Failure(CloseCode.PROTOCOL_ERROR, "a control frame is whole, plain and of at most 125 octets")
    if len(buffer) < 2 + wide + 4:
        return None
    length = int.from_bytes(buffer[2 : 2 + wide], "big") if wide else short
    # RFC 6455 §5.2: "the minimal number of bytes MUST be used to encode the length"; "the most significant bit MUST be
    # 0".
    if (wide == 2 and length < 126) or (wide == 8 and not 65_536 <= length < 1 << 63):
        raise Failure(CloseCode.PROTOCOL_ERROR, "a length is not in its shortest form")
    key = bytes(buffer[2 + wide : 6 + wide])
    del buffer[: 6 + wide]
    return Head(opcode, length, key, is_final=bool(first & _FIN), is_compressed=bool(first & _COMPRESSED))


def _opcode(value: int) -> Opcode:
    try:
        return Opcode(value)
    except ValueError:
        raise Failure(CloseCode.PROTOCOL_ERROR, "an unknown opcode") from None


def unmask(data: bytearray, key: bytes) -> bytearray:
    """The octets under a mask, in place (RFC 6455 §5.3): all under one octet of the key are translated at once."""
    for at, value in enumerate(key):
        data[at::4] = data[at::4].translate(_XOR[value])
    return data


def frame(opcode: Opcode, payload: bytes = b"", *, is_compressed: bool = False) -> bytes:
    """A frame as a server sends it: whole and not masked."""
    first = _FIN | opcode | (_COMPRESSED if is_compressed else 0)
    length = len(payload)
    if length < 126:
        return b"%c%c%b" % (first, length, payload)
    if length < 65_536:
        return b"%c~%b%b" % (first, length.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (first, length.to_bytes(8, "big"), payload)


def close_frame(code: CloseCode, reason: str = "") -> bytes:
    """A Close frame; a reason that is too long is cut (RFC 6455 §5.5.1)."""
    if code == CloseCode.NO_STATUS:
        return frame(Opcode.CLOSE)
    text = reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()
    return frame(Opcode.CLOSE, code.to_bytes(2, "big") + text)
