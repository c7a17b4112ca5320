"""A line that a command asks its client for, such as the next message of SASL (RFC 9051 §7.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Question:
    """At most one is open at a time."""

    __slots__ = ("_line",)

    def __init__(self) -> None:
        self._line: asyncio.Future[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a command waits for a line."""
        return self._line is not None

    @property
    def is_answered(self) -> bool:
        """Whether the line has come, or never will, and the command has not taken it yet."""
        return self._line is not None and self._line.done()

    def answer(self, line: bytes) -> None:
        """The line has come."""
        if self._line is not None and not self._line.done():
            self._line.set_result(line)

    def fail(self, why: str) -> None:
        """Nobody will say the line that is waited for, if any is."""
        if self._line is not None and not self._line.done():
            self._line.set_exception(ConnectionError(why))

    async def ask(self, say: Callable[[], None]) -> bytes:
        """The line that answers what `say` says. Raises ConnectionError."""
        self._line = asyncio.get_running_loop().create_future()
        try:
            say()
            return await self._line
        finally:
            self._line = None
