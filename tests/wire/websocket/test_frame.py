"""Frames that the server writes (RFC 6455 §5.2)."""

import pytest

from pillarbox.wire.websocket.frame import CloseCode, Opcode, close_frame, frame


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f" + (65_536).to_bytes(8, "big")),
    ],
)
def test_a_length_is_in_its_shortest_form(size: int, head: bytes) -> None:
    assert frame(Opcode.TEXT, b"x" * size) == head + b"x" * size


def test_a_compressed_message_is_marked() -> None:
    assert frame(Opcode.TEXT, b"x", is_compressed=True)[0] == 0xC1


def test_a_close_frame_has_its_code_and_a_reason_cut_between_characters() -> None:
    assert close_frame(CloseCode.GOING_AWAY, "bye") == b"\x88\x05\x03\xe9bye"
    assert close_frame(CloseCode.NO_STATUS) == b"\x88\x00"
    long = close_frame(CloseCode.NORMAL, "é" * 100)
    assert long[1] <= 125
    assert long[4:].decode() == "é" * 61
