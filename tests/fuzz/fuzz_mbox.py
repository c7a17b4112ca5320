"""Throws octets at the readers of mbox, zip and tar: `python tests/fuzz/fuzz_mbox.py [rounds] [seed]`.

Each round mutates small archives; whatever is read must end in messages, skips, or an ArchiveError, within the limits.
"""

import io
import random
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from pillarbox.formats.archive import ArchiveError, ReadOptions, open_source

OPTIONS = ReadOptions(max_message_octets=4096, expansion_grace_octets=1 << 20)
PIECES = [
    b"\n\nFrom - Sat Mar 09 08:05:01 2024\n", b"\r\n\r\n", b">From ", b">>From x\n", b"\n", b"Content-Length: 9\n",
    b"Status: RO\n", b"X-Gmail-Labels: =?UTF-8?Q?=\n", b'X-GM-LABELS: "\\', b"PK\x01\x02", b"PK\x05\x06", b"\0",
    b"\xff" * 4,
]  # fmt: skip
MBOX = b"From a Sat Mar  9 08:05:01 2024\nSubject: a\n\ntext\n\nFrom b Sat Mar  9 08:05:01 2024\nX-Status: A\n\n\n"


def seeds() -> list[bytes]:
    """One small archive of each kind."""
    zipped, plain, packed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Work/a.eml", MBOX[32:])
        archive.writestr("b.mbox", MBOX)
    for file, mode in ((plain, "w"), (packed, "w:gz")):
        with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
            info = tarfile.TarInfo("x" * 120 + ".mbox")
            info.size = len(MBOX)
            tar.addfile(info, io.BytesIO(MBOX))
    return [MBOX, zipped.getvalue(), plain.getvalue(), packed.getvalue()]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a few places: other octets, pieces with a meaning, cuts, doublings."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) + 1)
        act = chance.randrange(4)
        if act == 0:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        elif act == 1:
            changed[at:at] = chance.choice(PIECES)
        elif act == 2:
            del changed[at : at + chance.randrange(64)]
        else:
            changed[at:at] = changed[at : at + 64]
    return bytes(changed)


def check(path: Path, data: bytes) -> None:
    """Read one archive."""
    path.write_bytes(data)
    try:
        with open_source(path, OPTIONS) as source:
            source.estimate()
            for message in source:
                assert len(message.data) <= 2 * OPTIONS.max_message_octets
                assert b"\n" not in message.data.replace(b"\r\n", b"")
    except ArchiveError:
        pass


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            check(Path(folder) / "archive", mutate(chance.choice(seeds()), chance))


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], "10000", "1"][:2]))
