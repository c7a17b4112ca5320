"""Headers of strangers, redacted: nothing of a local part is left, and the result is a header that reads as one."""

import random
import re

from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.redaction import MAX_HEADER, header_to_show, redact

_NAMES = ["From", "To", "Received", "DKIM-Signature", "Authentication-Results", "Subject", "X-Odd", "List-Id"]
_PIECES = [
    *b"""secret@a.example <secret@b.example> "secret"@c.example secret%40d.example i=secret@e.example smtp.mailfrom=
    (auth secret) ( ) " \\ @ = , ; : %40 z=From:secret@f.example|x =?utf-8?q?secret=40g.example?= =?utf-8?b?AA==?=
    \xff \x00 [192.0.2.1] secret@[192.0.2.1] mx.example""".split(),
    b" ", b"\r\n ", b" ", b"\t",
]  # fmt: skip
_SECRET_AT = re.compile(rb'secret"?(?:@|%40|=40)', re.IGNORECASE)


def check(chance: random.Random) -> None:
    key = chance.randbytes(32)
    lines = []
    for _ in range(chance.randrange(1, 4)):
        value = b"".join(chance.choices(_PIECES, k=chance.randrange(12)))
        lines.append(chance.choice(_NAMES).encode() + b": " + value + b"\r\n")
    header = b"".join(lines) + b"\r\n"
    wanted = chance.choice([["*"], ["from", "received", "subject"], []])
    shown = header_to_show(header, wanted, key)
    assert len(shown) <= MAX_HEADER
    assert shown.isascii()
    assert _SECRET_AT.search(shown) is None, shown
    if shown:
        names = {field.name.lower() for field in scan(shown + b"\r\n").root.fields}
        assert names <= {name.lower() for name in _NAMES} if "*" in wanted else names <= set(wanted)
    text = "".join(chance.choices('ab@ "\\.=%40;<>', k=chance.randrange(30)))
    once = redact(text, key, is_tagged=chance.random() < 0.5)
    assert ("@" in once) is ("@" in text)


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
