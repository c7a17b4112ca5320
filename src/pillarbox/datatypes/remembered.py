"""What a process remembers of what it has read, as rules and services see it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol


class ResultCache(Protocol):
    """Remembers the results of queries for as long as the type's state stays what it was."""

    @property
    def token(self) -> int:
        """Tells this store's memory from that of others in the process."""

    @property
    def has_short(self) -> bool:
        """Whether the first few results of a list are remembered too: they are where reading them again is dear."""

    def get(self, key: Hashable, state: str) -> Sequence[str] | None: ...
    def put(self, key: Hashable, state: str, ids: Sequence[str]) -> None: ...


class Draft(Protocol):
    """What a process could remember, as an open transaction sees it."""

    def publish(self) -> None:
        """Remember it: it is committed."""
