"""Why the machine does not hand a command on to the server."""

from __future__ import annotations


class Refused(Exception):
    """The command is answered by the machine itself: `status` is BAD or NO, `code` a response code without brackets.

    RFC 9051 §7.1: BAD is for what no client should send, NO for what this server does not do.
    """

    def __init__(self, text: str, *, status: str = "BAD", code: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code

    def to_bytes(self, tag: str) -> bytes:
        """The response line; the tag is `*` when the command had none."""
        code = f"[{self.code}] " if self.code else ""
        return f"{tag} {self.status} {code}{self}\r\n".encode()


class NotUtf8(Refused):
    """A string has octets that are no UTF-8."""


class Hopeless(Exception):
    """The conversation cannot go on: the connection ends with BYE and this text."""
