"""Frames as a client writes them, right ones and wrong ones."""

from pillarbox.wire.websocket.frame import Opcode, unmask

KEY = b"\x37\xfa\x21\x3d"


def masked(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, wide: int | None = None, mask: bool = True
) -> bytes:
    """One frame; `wide` forces the octets of the extended length."""
    length = len(payload)
    wide = wide if wide is not None else 0 if length < 126 else 2 if length < 65_536 else 8
    short = length if not wide else {2: 126, 8: 127}[wide]
    head = bytes([(0x80 if fin else 0) | rsv | opcode, (0x80 if mask else 0) | short])
    head += length.to_bytes(wide, "big") if wide else b""
    return head + (KEY + bytes(unmask(bytearray(payload), KEY)) if mask else payload)


def text(payload: bytes) -> bytes:
    return masked(Opcode.TEXT, payload)
