"""Mutated responses of servers: however they are divided, the same is read, or the same refused."""

from __future__ import annotations

import contextlib
import random

from pillarbox.services.fetch.item import read_item
from pillarbox.wire.imap_client.conversation import Conversation
from pillarbox.wire.imap_client.response import Bounds, Response
from pillarbox.wire.imap_client.value import ResponseError
from pillarbox.wire.reader import EndOfInput

_SEEDS = [
    b'* 12 FETCH (UID 5 FLAGS (\\Seen $X) RFC822.SIZE 12 INTERNALDATE " 5-Apr-2023 06:07:08 -0130")\r\n',
    b'* 3 FETCH (BODY[] {11}\r\nhello\r\nyou! UID 7 X-GM-LABELS ("\\\\Inbox" &ANY-x))\r\n',
    b"* OK [HIGHESTMODSEQ 715194045007] Highest\r\n",
    b"* OK [CAPABILITY IMAP4rev1 LITERAL+ AUTH=PLAIN] ready\r\n",
    b'* LIST (\\HasNoChildren \\Sent) "." {4}\r\nINBO\r\n',
    b'* NAMESPACE (("" "/")("INBOX." ".")) NIL (("#shared/" "/"))\r\n',
    b"P1 NO [THROTTLED] Suggested Backoff Time: 123 milliseconds\r\n+ abc=\r\n",
]
_NOISE = [b"(", b")", b'"', b"{3}\r\n", b"\\", b"[", b"]", b"\r\n", b" ", b"NIL", b"\x00", b"\xff", b"{99999}\r\n"]


def stream(chance: random.Random) -> bytes:
    """A few responses, some of them damaged."""
    out = bytearray(b"".join(chance.choices(_SEEDS, k=chance.randrange(1, 6))))
    for _ in range(chance.choice([0, 0, 1, 2, 6])):
        at = chance.randrange(len(out))
        out[at : at + chance.choice([0, 1, 3])] = chance.choice(_NOISE)
    return bytes(out)


def outcome(octets: bytes, sizes: list[int]) -> tuple[list[Response], str]:
    """What is read, and how it ends."""
    talk, out, at = Conversation(Bounds(line=500, literal=300, literals=20)), list[Response](), 0
    try:
        for size in [*sizes, len(octets), 0]:
            if size and at >= len(octets):
                continue
            talk.receive_data(octets[at : at + size])
            at += size
            while (response := talk.next_response()) is not None:
                out.append(response)
    except ResponseError as error:
        return out, str(error)
    except EndOfInput:
        return out, "end"
    return out, ""


def check(chance: random.Random) -> None:
    """One round."""
    octets = stream(chance)
    whole = outcome(octets, [])
    assert outcome(octets, [1] * len(octets)) == whole, octets
    assert outcome(octets, [chance.randrange(1, 40) for _ in octets]) == whole, octets
    for response in whole[0]:
        with contextlib.suppress(ResponseError):
            read_item(response)


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
