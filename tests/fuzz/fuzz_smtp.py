"""Random conversations with the LMTP machine: however the octets are divided, answers and messages are the same."""

from __future__ import annotations

import random

from tests.wire.smtp.server import Server

_WORDS = [
    b"LHLO client\r\n",
    b"MAIL FROM:<a@example.com>\r\n",
    b"MAIL FROM:<> SIZE=10 BODY=BINARYMIME\r\n",
    b"RCPT TO:<b@example.org>\r\n",
    b"RCPT TO:<full@example.org>\r\n",
    b"RCPT TO:<unknown@example.org>\r\n",
    b"DATA\r\n",
    b"BDAT 5\r\n",
    b"BDAT 3 LAST\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"text",
    b"\r\n.\r\n",
    b"\r\n..\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b".",
    b"\0",
    b"\xff\xfe",
    b"x" * 90,
]


def conversation(chance: random.Random) -> bytes:
    """Commands in an order that is often sensible, with noise in between."""
    opening = b"LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n" if chance.random() < 0.8 else b""
    octets = bytearray(opening + b"".join(chance.choices(_WORDS, k=chance.randrange(40))))
    for _ in range(chance.randrange(3)):
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def outcome(octets: bytes, pieces: list[int]) -> tuple[bytes, list[tuple[int, bytes]], bool]:
    server = Server(max_size=120, max_recipients=4, max_errors=8, max_command_line=80, max_text_line=70)
    answer = server.say(b"")
    at = 0
    for size in [*pieces, len(octets)]:
        answer += server.say(octets[at : at + size])
        at += size
    messages = [(len(message.recipients), content) for message, content in server.messages]
    return answer, messages, server.session.is_closed


def check(chance: random.Random) -> None:
    """One round; raises AssertionError when a division of the input changes the outcome."""
    octets = conversation(chance)
    whole = outcome(octets, [])
    assert outcome(octets, [1] * len(octets)) == whole, octets
    assert outcome(octets, [chance.randrange(1, 9) for _ in octets]) == whole, octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
