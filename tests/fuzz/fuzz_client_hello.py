"""Broken ClientHellos: what is read of one does not depend on how much of it has come.

Each round mutates the first octets of a real client. The parser raises NotTls or waits, never anything else, and it
never changes its mind when more octets come.
"""

from __future__ import annotations

import contextlib
import random
import ssl

from pillarbox.wire.tls.client_hello import MOST_OCTETS, ClientHello, NotTls, parse_client_hello

_NAMES = ["mail.example.org", "a", "localhost", None]
_PROTOCOLS = [[], ["imap"], ["h2", "http/1.1"], ["x" * 255, "imap"]]


def hello(chance: random.Random) -> bytes:
    """The first octets of a client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if protocols := chance.choice(_PROTOCOLS):
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=chance.choice(_NAMES))
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """The same with some other octets, pieces left out or doubled, or divided into records."""
    changed = bytearray(octets)
    if chance.random() < 0.3:
        payload, size = octets[5:], chance.choice([1, 30, 40, 500])
        pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
        changed = bytearray(b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2) + piece for piece in pieces))
    for _ in range(chance.choice([0, 1, 1, 3])):
        at = chance.randrange(len(changed))
        act = chance.randrange(3)
        if act == 0:
            changed[at] = chance.randrange(256)
        elif act == 1:
            del changed[at : at + chance.randrange(1, 20)]
        else:
            changed[at:at] = changed[at : at + chance.randrange(1, 20)]
    return bytes(changed)


def outcome(octets: bytes) -> ClientHello | str | None:
    """What the parser says; the word for what is no TLS."""
    try:
        return parse_client_hello(octets)
    except NotTls:
        return "no TLS"


def check(chance: random.Random) -> None:
    """One round."""
    octets = mutated(hello(chance), chance)
    settled: ClientHello | str | None = None
    for end in sorted({*chance.choices(range(len(octets) + 1), k=12), len(octets)}):
        found = outcome(octets[:end])
        assert settled is None or found == settled, octets
        settled = found
    assert settled is not None or len(octets) < MOST_OCTETS


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
