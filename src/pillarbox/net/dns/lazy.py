"""The resolver of a process, made when the first question is asked: who asks none has no dnspython in memory."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, TypeVar

from pillarbox.core.dns import Answer, Lookup, Question
from pillarbox.net.dns import observed as observed  # noqa: PLC0414 -- its numbers have places before processes fork
from pillarbox.net.dns.settings import DnsSettings

if TYPE_CHECKING:
    from pillarbox.net.dns.resolver import Resolver

T = TypeVar("T")


class Resolves(Protocol):
    """Who answers questions to the DNS, as `Resolver` describes it."""

    async def ask(self, question: Question) -> Answer: ...

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T: ...


class LazyResolver:
    """A resolver that costs nothing until it is asked."""

    def __init__(self, settings: DnsSettings) -> None:
        self._settings = settings
        self._made: Resolver | None = None

    @staticmethod
    def preload() -> None:
        """Load the code. Called before the fork, it is in memory once."""
        importlib.import_module("pillarbox.net.dns.resolver")

    async def ask(self, question: Question) -> Answer:
        """The answer to one question. Raises ValueError or ZoneError, the first time, when the settings are wrong."""
        return await self._resolver().ask(question)

    async def run(self, lookup: Lookup[T], seconds: float | None = None) -> T:
        """The result of a lookup."""
        return await self._resolver().run(lookup, seconds)

    async def close(self) -> None:
        """End what is under way."""
        if self._made is not None:
            await self._made.close()

    def _resolver(self) -> Resolver:
        if self._made is None:
            from pillarbox.net.dns.resolver import Resolver  # noqa: PLC0415

            self._made = Resolver(self._settings)
        return self._made
