"""Messages out of frames: what RFC 6455 allows arrives whole, what it forbids fails with the right code."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.wire.websocket.frame import CloseCode, Failure, Opcode
from pillarbox.wire.websocket.receiver import Close, Event, Ping, Pong, Receiver, Text
from tests.wire.websocket.client_frame import masked, text

LIMIT = 100_000


def receive(data: bytes, *, deflates: bool = False, limit: int = LIMIT) -> list[Event]:
    return list(Receiver(limit, deflates=deflates).receive(data))


def packed(data: bytes) -> bytes:
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (encoder.compress(data) + encoder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


@pytest.mark.parametrize("size", [0, 1, 3, 125, 126, 65_535, 65_536])
def test_a_message_of_any_size_is_unmasked(size: int) -> None:
    data = bytes(97 + at % 26 for at in range(size))
    assert receive(text(data)) == [Text(data)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=4),
    st.lists(st.integers(1, 400), min_size=1, max_size=30),
    st.booleans(),
)
def test_cuts_between_reads_and_frames_make_no_difference(parts: list[str], cuts: list[int], ping: bool) -> None:
    data = [part.encode() for part in parts]
    frames = [masked(Opcode.TEXT if at == 0 else 0, piece, fin=at == len(data) - 1) for at, piece in enumerate(data)]
    stream = (masked(Opcode.PING, b"?") if ping else b"").join(frames)
    receiver, events, at = Receiver(LIMIT, deflates=False), list[Event](), 0
    for cut in cuts * 200:
        events += receiver.receive(stream[at : at + cut])
        at += cut
        if at >= len(stream):
            break
    events += receiver.receive(stream[at:])
    assert [e for e in events if isinstance(e, Text)] == [Text(b"".join(data))]
    assert events.count(Ping(b"?")) == (len(data) - 1 if ping else 0)
    assert not receiver.is_amid
    assert receiver.held == 0


def test_control_frames_are_told_apart() -> None:
    assert receive(masked(Opcode.PING, b"a") + masked(Opcode.PONG, b"b")) == [Ping(b"a"), Pong(b"b")]
    assert receive(masked(Opcode.CLOSE, (1001).to_bytes(2, "big") + b"bye")) == [Close(1001, "bye")]
    assert receive(masked(Opcode.CLOSE)) == [Close(CloseCode.NO_STATUS, "")]


WRONG: dict[str, tuple[bytes, CloseCode]] = {
    "not masked": (masked(Opcode.TEXT, b"x", mask=False), CloseCode.PROTOCOL_ERROR),
    "reserved bit 2": (masked(Opcode.TEXT, b"x", rsv=0x20), CloseCode.PROTOCOL_ERROR),
    "reserved bit 3": (masked(Opcode.TEXT, b"x", rsv=0x10), CloseCode.PROTOCOL_ERROR),
    "compressed without leave": (masked(Opcode.TEXT, b"x", rsv=0x40), CloseCode.PROTOCOL_ERROR),
    "unknown data opcode": (masked(3), CloseCode.PROTOCOL_ERROR),
    "unknown control opcode": (masked(0xB), CloseCode.PROTOCOL_ERROR),
    "a ping in fragments": (masked(Opcode.PING, b"x", fin=False), CloseCode.PROTOCOL_ERROR),
    "a ping of 126 octets": (masked(Opcode.PING, b"x" * 126), CloseCode.PROTOCOL_ERROR),
    "a compressed ping": (masked(Opcode.PING, b"x", rsv=0x40), CloseCode.PROTOCOL_ERROR),
    "a length longer than it need be": (masked(Opcode.TEXT, b"x", wide=2), CloseCode.PROTOCOL_ERROR),
    "a length in eight octets": (masked(Opcode.TEXT, b"x" * 300, wide=8), CloseCode.PROTOCOL_ERROR),
    "a negative length": (b"\x81\xff" + b"\xff" * 8 + b"mask", CloseCode.PROTOCOL_ERROR),
    "a continuation of nothing": (masked(0, b"x"), CloseCode.PROTOCOL_ERROR),
    "a message within a message": (
        masked(Opcode.TEXT, b"x", fin=False) + text(b"y"),
        CloseCode.PROTOCOL_ERROR,
    ),
    "binary": (masked(Opcode.BINARY, b"x"), CloseCode.UNSUPPORTED_DATA),
    "no UTF-8": (text(b"\xff"), CloseCode.INVALID_DATA),
    "a surrogate": (text(b"\xed\xa0\x80"), CloseCode.INVALID_DATA),
    "half a character": (text("é".encode()[:1]), CloseCode.INVALID_DATA),
    "a close of one octet": (masked(Opcode.CLOSE, b"\x03"), CloseCode.PROTOCOL_ERROR),
    "a close with a reserved code": (masked(Opcode.CLOSE, (1005).to_bytes(2, "big")), CloseCode.PROTOCOL_ERROR),
    "a close with a code of nobody": (masked(Opcode.CLOSE, (2999).to_bytes(2, "big")), CloseCode.PROTOCOL_ERROR),
    "a reason that is no UTF-8": (masked(Opcode.CLOSE, b"\x03\xe8\xff"), CloseCode.INVALID_DATA),
    "too large": (text(b"x" * (LIMIT + 1)), CloseCode.TOO_BIG),
    "too large in its head alone": (text(b"x" * (LIMIT + 1))[:14], CloseCode.TOO_BIG),
    "too large in fragments": (
        masked(Opcode.TEXT, b"x" * 60_000, fin=False) + masked(0, b"x" * 60_000),
        CloseCode.TOO_BIG,
    ),
    "fragments without end": (masked(Opcode.TEXT, fin=False) + masked(0, fin=False) * 20_000, CloseCode.TOO_BIG),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_forbidden_fails_with_its_code(name: str) -> None:
    data, code = WRONG[name]
    with pytest.raises(Failure) as caught:
        receive(data)
    assert caught.value.code == code


def test_what_came_before_a_failure_is_told() -> None:
    events = Receiver(LIMIT, deflates=False).receive(text(b"first") + masked(Opcode.BINARY))
    assert next(events) == Text(b"first")
    with pytest.raises(Failure):
        next(events)


def test_a_compressed_message_is_read_whole_or_in_fragments() -> None:
    data = b"to be or not to be, " * 50
    small = packed(data)
    assert receive(masked(Opcode.TEXT, small, rsv=0x40), deflates=True) == [Text(data)]
    cut = masked(Opcode.TEXT, small[:5], rsv=0x40, fin=False) + masked(0, small[5:])
    assert receive(cut, deflates=True) == [Text(data)]
    assert receive(text(b"plain"), deflates=True) == [Text(b"plain")]


def test_a_final_block_may_end_a_compressed_message() -> None:
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    final = encoder.compress(b"Hello") + encoder.flush() + b"\0"  # RFC 7692 §7.2.3.5
    assert receive(masked(Opcode.TEXT, final, rsv=0x40), deflates=True) == [Text(b"Hello")]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (packed(b"\0" * (LIMIT + 1)), CloseCode.TOO_BIG),
        (packed(b"\0" * 50_000_000), CloseCode.TOO_BIG),
        (b"\xff\xff\xff", CloseCode.INVALID_DATA),
        (packed(b"\xff\xfe"), CloseCode.INVALID_DATA),
    ],
)
def test_bombs_and_garbage_in_compressed_messages_are_refused(payload: bytes, code: CloseCode) -> None:
    with pytest.raises(Failure) as caught:
        receive(masked(Opcode.TEXT, payload, rsv=0x40), deflates=True)
    assert caught.value.code == code


def test_a_later_fragment_is_not_marked_as_compressed() -> None:
    data = masked(Opcode.TEXT, b"x", fin=False, rsv=0x40) + masked(0, b"y", rsv=0x40)
    with pytest.raises(Failure) as caught:
        receive(data, deflates=True)
    assert caught.value.code == CloseCode.PROTOCOL_ERROR


def test_an_idle_receiver_holds_nothing_and_an_unfinished_message_is_counted() -> None:
    receiver = Receiver(LIMIT, deflates=False)
    whole = text(b"x" * 1_000)
    assert list(receiver.receive(whole[:500])) == []
    assert receiver.is_amid
    assert 400 < receiver.held <= 500
    assert len(list(receiver.receive(whole[500:]))) == 1
    assert receiver.held == 0
