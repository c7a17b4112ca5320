"""Stages that are somebody else's code: how long they are waited for, and what happens to mail when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal, TypeVar

import msgspec

from pillarbox.servers.smtp import observed
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Answer, Changes, Content, Envelope, Stage
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender

T = TypeVar("T")
_REPLIES = {
    "accept": None,
    "later": Reply(451, "4.7.1", "A check of this server does not work, try again later"),
    "reject": Reply(554, "5.7.1", "A check of this server does not work"),
}


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long one question may take, and what happens to mail when there is no answer."""

    name: str  # of the hook, for the log
    seconds: float = 10.0
    on_failure: Literal["accept", "later", "reject"] = "later"


class PatientStage(Stage):
    """Another stage, whose failures and delays are this stage's answers. It is asked only for what it overrides."""

    def __init__(self, inner: Stage, patience: Patience) -> None:
        self._inner, self._patience = inner, patience

    async def connect(self, peer: Peer) -> Answer:
        return await self._wait("connect", self._inner.connect(peer))

    async def hello(self, peer: Peer) -> Answer:
        return await self._wait("hello", self._inner.hello(peer))

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        return await self._wait("sender", self._inner.sender(peer, sender))

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        return await self._wait("recipient", self._inner.recipient(peer, envelope, recipient))

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        return await self._wait("message", self._inner.message(peer, envelope, content))

    async def reset(self, peer: Peer) -> None:
        await self._wait("reset", self._inner.reset(peer))

    async def close(self) -> None:
        await self._wait("close", self._inner.close())

    async def _wait(self, stage: str, answer: Awaitable[T]) -> T | Reply | None:
        try:
            async with asyncio.timeout(self._patience.seconds):
                return await answer
        except TimeoutError:
            observed.HOOK_FAILED.log(hook=self._patience.name, stage=stage, why="no answer in time")
        except Exception as error:  # noqa: BLE001 - whatever a hook does, the conversation goes on
            observed.HOOK_FAILED.log(error, hook=self._patience.name, stage=stage, why=type(error).__name__)
        return _REPLIES[self._patience.on_failure]
