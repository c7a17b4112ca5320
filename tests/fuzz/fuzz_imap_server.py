"""Commands of the transcripts, mutated, said to the whole server: each is answered, and none meets an error inside."""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
from functools import cache
from pathlib import Path

from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import Client, Running, deliver_to, fill, message, running

_TRANSCRIPTS = Path(__file__).parent.parent / "transcripts" / "imap"
_COMMAND = re.compile(r"C\d*: (\S+) (?!LOGOUT|UNAUTHENTICATE|COMPRESS)([A-Z].*)", re.IGNORECASE)
_ASKED = re.compile(r"\{([0-9]{1,6})\}")
_NOISE = [
    "(", ")", '"', "\\", "[", "]", " ", "*", "%", "NIL", "0", "4294967295", "1:*", "$", "\\Deleted", "\\Seen", "é", "",
    "INBOX", "UID ", "ALL", "NOT ", "OR ", "BODY[1.2]", "<0.5>", "&AOk-", "/", "CHANGEDSINCE 1", "RETURN (ALL)", "\x00",
    "MODSEQ", "Archive", "{3}\r\nabc", "\r\n",
]  # fmt: skip


@cache
def commands() -> list[str]:
    """The commands of all transcripts that are one line."""
    lines = [line for path in sorted(_TRANSCRIPTS.glob("*.txt")) for line in path.read_text("utf-8").splitlines()]
    found = [match[2] for line in lines if (match := _COMMAND.match(line)) is not None]
    return [re.sub(r"\{[a-z]\w*\}", "1", text) for text in found if not text.endswith("+}")]


def mutated(chance: random.Random) -> str:
    """A command, perhaps with damage, and perhaps with a piece of another one."""
    text = chance.choice(commands())
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        at = chance.randrange(len(text) + 1)
        piece = chance.choice([*_NOISE, chance.choice(commands())[chance.randrange(9) :][: chance.randrange(1, 20)]])
        text = text[:at] + piece + text[at + chance.choice([0, 0, 1, 4]) :]
    # Literals that nobody sends, or that are too long to be sent.
    return re.sub(r"\{[0-9]*\+\}|\{[0-9]{7,}\}", "", text)


async def answered(client: Client, tag: str, text: str, chance: random.Random) -> bool:
    """Say a command, go on with it when the server asks for more; whether the conversation can go on."""
    client.send(f"{tag} {text}\r\n".encode())
    asked = [int(size) for size in _ASKED.findall(text)]
    while True:
        heard = await client.hear()
        assert "[SERVERBUG]" not in heard, f"{text!r}: {heard}"
        if heard == "" or heard.startswith("* BYE"):
            return False
        if heard.startswith(f"{tag} "):
            return True
        if heard.startswith("+ "):
            size = asked.pop(0) if asked and heard.startswith("+ Ready") else 0
            client.send(b"x" * size + chance.choice([b"\r\n", b")\r\n", b" \r\n", b"DONE\r\n", b"*\r\n"]))


async def converse(server: Running, chance: random.Random, count: int) -> None:
    """A client says so many commands, and comes again when it was sent away."""
    client = await server.connect(mailbox="INBOX")
    for number in range(count):
        if not await answered(client, f"t{number}", mutated(chance), chance):
            client = await server.connect(mailbox="INBOX")


def main(rounds: int, seed: int) -> None:
    """Run so many rounds of forty commands of two clients."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder))
        fill(store)
        deliver_to(store, "alice", *(message(n) for n in range(1, 12)))

        async def play() -> None:
            async with running(store, max_connections_per_address=1_000_000, max_connections=1_000_000) as server:
                for _ in range(rounds):
                    await asyncio.gather(*(converse(server, random.Random(chance.random()), 20) for _ in range(2)))

        asyncio.run(play())
        store.close()
