"""What a fetch needs of a connection to an IMAP server; `net/imap_client.py` has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from pillarbox.wire.imap_client.response import Response


class Talk(Protocol):
    """A connection, from the greeting on; its faults are those of `wire/imap_client/fault.py`."""

    greeting: Response

    def begin(self, *parts: bytes) -> str:
        """Send a command and return its tag. Several may be under way, and end in the order in which they began."""

    def finish(self, tag: str) -> Iterator[Response]:
        """The responses up to the command's end, which is the last. Raises Refused, Dropped."""

    def answer(self, line: bytes) -> None:
        """Answer a challenge."""

    def leave(self) -> None:
        """Log out, and end the connection."""

    def close(self) -> None:
        """End the connection at once."""


Connect: TypeAlias = Callable[[], Talk]  # raises Dropped, Unsuitable
