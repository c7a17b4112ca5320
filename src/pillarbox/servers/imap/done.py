"""How a command ends: its tagged response, without the tag (RFC 9051 §7.1)."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]+")
_TEXTS = 64  # most commands end with one of a few


class Done(NamedTuple):
    """The status, a response code without its brackets ("" for none), and words for a person.

    The words may hold what a client sent, or the name of a mailbox: on the wire they are one line of ASCII, whatever
    they are, and no response code.
    """

    status: str
    code: str
    text: str

    def line(self, tag: str) -> bytes:
        """The line on the wire."""
        code = f"[{self.code}] " if self.code else ""
        return f"{tag} {self.status} {code}{_printable(self.text)}\r\n".encode()


@functools.lru_cache(_TEXTS)
def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text.encode("ascii", "replace").decode()).strip().lstrip("[ ") or "-"


class Ended(Exception):
    """The command ends here, so: for what no `Fault` has words for."""

    def __init__(self, done: Done) -> None:
        super().__init__(done)
        self.done = done


def ok(text: str = "Done", code: str = "") -> Done:
    """It was done."""
    return Done("OK", code, text)


def no(text: str, code: str = "") -> Done:
    """It could not be done."""
    return Done("NO", code, text)


def bad(text: str, code: str = "") -> Done:
    """It was not understood, or is not allowed now."""
    return Done("BAD", code, text)
