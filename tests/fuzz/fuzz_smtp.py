"""Random conversations with the machine of LMTP and SMTP.

However the octets are divided, answers and messages are the same.
"""

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
_MORE = [
    b"EHLO client\r\n",
    b"HELO client\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN AGFubmEAaGFyYm91cg==\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH LOGIN YW5uYQ==\r\n",
    b"YW5uYQ==\r\n",
    b"aGFyYm91cg==\r\n",
    b"*\r\n",
    b"MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb HOLDFOR=60 BY=120;R MT-PRIORITY=-3 REQUIRETLS\r\n",
    b"RCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40example.org\r\n",
    b"BURL imap://example.org/a LAST\r\n",
    b"BURL imap://banned.example.org/a\r\n",
    b"XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]\r\n",
]
_OPENING = b"EHLO c\r\nAUTH PLAIN AGFubmEAaGFyYm91cg==\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"


def conversation(chance: random.Random, *, smtp: bool) -> bytes:
    """Commands in an order that is often sensible, with noise in between."""
    lines = _OPENING if smtp else b"LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
    opening = lines if chance.random() < 0.8 else b""
    words = _WORDS + _MORE if smtp else _WORDS
    octets = bytearray(opening + b"".join(chance.choices(words, k=chance.randrange(40))))
    for _ in range(chance.randrange(3)):
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


def outcome(octets: bytes, pieces: list[int], *, smtp: bool) -> tuple[bytes, list[tuple[int, bytes]], bool]:
    server = Server(
        smtp=smtp,
        is_secure=True,  # what is sent ahead of STARTTLS is forgotten, so that there pieces do matter
        max_size=120,
        max_recipients=4,
        max_errors=8,
        max_command_line=110,
        max_auth_line=140,
        max_text_line=70,
        max_idle=20,
        refuse_nul=smtp,
    )
    answer = server.say(b"")
    at = 0
    for size in [*pieces, len(octets)]:
        answer += server.say(octets[at : at + size])
        at += size
    messages = [(len(message.recipients), content) for message, content in server.messages]
    return answer, messages, server.session.is_closed


def check(chance: random.Random) -> None:
    """One round; raises AssertionError when a division of the input changes the outcome."""
    smtp = chance.random() < 0.6
    octets = conversation(chance, smtp=smtp)
    whole = outcome(octets, [], smtp=smtp)
    ones, some = [1] * len(octets), [chance.randrange(1, 9) for _ in octets]
    assert outcome(octets, ones, smtp=smtp) == whole, octets
    assert outcome(octets, some, smtp=smtp) == whole, octets


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
