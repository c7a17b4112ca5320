"""Random conversations with the POP3 machine, and random messages: however the octets are divided, all is the same."""

from __future__ import annotations

import random
import re

from pillarbox.wire.pop3.content import Content
from pillarbox.wire.pop3.options import Limits, Options, State
from tests.wire.pop3.server import Server

_COMMANDS = [
    b"USER alice",
    b"PASS  two words ",
    b"AUTH PLAIN",
    b"AUTH PLAIN =",
    b"AUTH PLAIN AGEAYg==",
    b"AUTH",
    b"STLS",
    b"UTF8",
    b"LANG de",
    b"LANG *",
    b"CAPA",
    b"STAT",
    b"LIST",
    b"LIST 3",
    b"UIDL 1",
    b"RETR 1",
    b"TOP 1 10",
    b"DELE 2",
    b"RSET",
    b"NOOP",
    b"QUIT",
    b"GET / HTTP/1.1",
]
_NOISE = [b" ", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"=", b"9" * 12, b"x" * 50, b"\xc3\xa4", b"."]
_TIGHT = Limits(line=40, buffered=60, errors=6)
_REPLY = re.compile(rb"(?:\+OK|-ERR|\+)(?: [ -~]*)?")


def conversation(chance: random.Random) -> bytes:
    """Commands, most of them whole, with noise in between."""
    octets = bytearray()
    for _ in range(chance.randrange(12)):
        octets += chance.choice(_COMMANDS) + b"\r\n"
        if chance.random() < 0.2:
            octets += b"".join(chance.choices(_NOISE, k=chance.randrange(5)))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(octets) + 1)
        if chance.random() < 0.5:
            octets[at:at] = chance.choice(_NOISE)
        else:
            octets[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(octets)


def outcome(octets: bytes, pieces: list[int], state: State) -> tuple[bytes, str, list[bytes], bool]:
    server = Server(state, Options(before_login=_TIGHT, after_login=_TIGHT))
    answer, at = b"", 0
    for size in [*pieces, len(octets)]:
        answer += server.say(octets[at : at + size])
        at += size
    is_closed = server.session.is_closed
    server.session.receive_end()
    answer += server.say(b"")
    assert server.session.is_closed
    return answer, repr(server.commands), server.lines, is_closed


def shown(message: bytes, pieces: list[int], lines: int | None) -> bytes:
    """A message as it is sent."""
    content, out, at = Content(lines), b"", 0
    for size in [*pieces, len(message)]:
        out += content.feed(message[at : at + size])
        at += size
    return out + content.end()


def read(wire: bytes) -> bytes:
    """What a client makes of it (RFC 1939 §3)."""
    text = b"\r\n" + wire
    assert text.find(b"\r\n.\r\n") == len(text) - 5
    return text[:-3].replace(b"\r\n.", b"\r\n")[2:]


def check(chance: random.Random) -> None:
    """One round; raises AssertionError when a division of the input changes the outcome."""
    octets, state = conversation(chance), chance.choice(list(State))
    whole = outcome(octets, [], state)
    for line in whole[0].split(b"\r\n")[:-1]:
        assert _REPLY.fullmatch(line), (octets, line)
    assert outcome(octets, [1] * len(octets), state) == whole, octets
    assert outcome(octets, [chance.randrange(1, 9) for _ in octets], state) == whole, octets
    message = b"".join(chance.choices([*_NOISE, b"\r\n\r\n", b"\r\n.", b"text"], k=chance.randrange(20)))
    lines = chance.choice([None, 0, 1, 2, 5])
    wire = shown(message, [], lines)
    assert shown(message, [1] * len(message), lines) == wire, message
    assert shown(message, [chance.randrange(1, 9) for _ in message], lines) == wire, message
    content = read(wire)
    if lines is None:
        normal = re.sub(rb"(?<!\r)\n", b"\r\n", message)
        assert content == normal + (b"" if normal.endswith(b"\n") or not normal else b"\r\n"), message


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
