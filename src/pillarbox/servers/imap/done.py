"""How a command ends: its tagged response, without the tag (RFC 9051 §7.1)."""

from __future__ import annotations

from typing import NamedTuple


class Done(NamedTuple):
    """The status, a response code without its brackets ("" for none), and words for a person."""

    status: str
    code: str
    text: str

    def line(self, tag: str) -> bytes:
        """The line on the wire."""
        code = f"[{self.code}] " if self.code else ""
        return f"{tag} {self.status} {code}{self.text}\r\n".encode()


def ok(text: str = "Done", code: str = "") -> Done:
    """It was done."""
    return Done("OK", code, text)


def no(text: str, code: str = "") -> Done:
    """It could not be done."""
    return Done("NO", code, text)


def bad(text: str, code: str = "") -> Done:
    """It was not understood, or is not allowed now."""
    return Done("BAD", code, text)
