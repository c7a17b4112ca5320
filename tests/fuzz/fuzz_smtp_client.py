"""Servers that say anything: the client ends, in bounded memory, and takes nothing for delivered that was not taken."""

from __future__ import annotations

import random

from pillarbox.wire.smtp_client.conversation import Conversation, Dropped, Refused
from pillarbox.wire.smtp_client.message import Parcel, Recipient, needs_of

_WORDS = [
    b"220 there\r\n",
    b"250 fine\r\n",
    b"250-two.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n",
    b"250-two.test\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 LIMITS RCPTMAX=x MAILMAX=0\r\n",
    b"250-x\r\n250 AUTH=PLAIN LOGIN\r\n",
    b"354 go\r\n",
    b"421 4.3.2 bye\r\n",
    b"452 4.5.3 too many\r\n",
    b"503 what\r\n",
    b"550 5.1.1 who\r\n",
    b"334 \r\n",
    b"250-\r\n",
    b"250",
    b"\r\n",
    b"\n",
    b"9" * 3_000,
    b"\xff\x00\r\n",
]
_DATA = b"Subject: x\r\n\r\n.\r\nRCPT TO:<smuggled@evil.test>\r\n.end\r\n"
_TO = (Recipient("bob@two.test"), Recipient("eve@two.test"))


def server(chance: random.Random) -> list[bytes]:
    """What a server says each time when it is waited for, mostly what would be right."""
    right = [
        _WORDS[0],
        chance.choice(_WORDS[2:4]),
        b"250 a\r\n",
        b"250 b\r\n",
        b"250 c\r\n",
        _WORDS[5],
        b"250 done\r\n",
    ]
    if chance.random() < 0.5:
        right[2:5] = [b"".join(right[2:5])]
    for _ in range(chance.randrange(4)):
        right[chance.randrange(len(right))] = b"".join(chance.choices(_WORDS, k=chance.randrange(3)))
    return [line for line in right if line]


def outcome(said: list[bytes], cuts: random.Random | None, *, is_lmtp: bool) -> tuple[str, bytes]:
    """What the client makes of it, and what it said."""
    talk = Conversation("mx.one.test", is_lmtp=is_lmtp)
    parcel = Parcel("ann@one.test", _TO, _DATA, needs=needs_of(_DATA))
    lines, told, result = iter(said), bytearray(), list[str]()
    for exchange in (talk.greet(), talk.send(parcel), talk.send(parcel), talk.quit()):
        pieces: list[bytes] = []
        try:
            while True:
                next(exchange)
                while data := talk.data_to_send():
                    told += data
                if not pieces:
                    line = next(lines, b"")
                    cut = cuts.randrange(len(line) + 1) if cuts is not None else 0
                    pieces = [piece for piece in (line[:cut], line[cut:]) if piece] or [b""]
                talk.receive_data(pieces.pop(0))
        except StopIteration as end:
            replies = end.value or ()
            assert len(replies) in (0, 2)
            if any(reply.is_ok for reply in replies):
                assert told.count(b"\r\n.\r\n") or told.count(b" LAST\r\n"), "taken, and never given"
            result += [str(reply) for reply in replies]
        except (Dropped, Refused) as error:
            result.append(type(error).__name__)
            break
        while pieces:
            talk.receive_data(pieces.pop(0))
    return "; ".join(result), bytes(told)


def main(rounds: int, seed: int) -> None:
    """Raises AssertionError with the conversation that broke a promise."""
    chance = random.Random(seed)
    for _ in range(rounds):
        said, is_lmtp = server(chance), chance.random() < 0.3
        for cuts in (None, random.Random(seed)):
            _, told = outcome(said, cuts, is_lmtp=is_lmtp)
            # The line of the message that looks like a command comes after its dot, doubled, or in what was counted.
            assert told.count(b"RCPT TO:<smuggled") == told.count(b"\r\n..\r\nRCPT") + told.count(b" LAST\r\nSubject")
