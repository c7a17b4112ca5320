"""The stages of one connection, asked one after the other: the first refusal counts.

Sections: RFC 5321 §3.1-§3.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pillarbox.servers.smtp.change import changed
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Answer, Content, Envelope, Passed, Stage
from pillarbox.wire.smtp.reply import Reply
from pillarbox.wire.smtp.state import Recipient, Sender


class Stages:
    """The stages of one connection, one after the other: the first refusal counts."""

    def __init__(self, makers: Sequence[Callable[[], Stage]] = ()) -> None:
        self._stages = [make() for make in makers]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._stages)

    async def connect(self, peer: Peer) -> Answer:
        """The refusal of the first stage that refuses, else None."""
        return await self._refusal(lambda stage: stage.connect(peer))

    async def hello(self, peer: Peer) -> Answer:
        """The refusal of the first stage that refuses, else None."""
        return await self._refusal(lambda stage: stage.hello(peer))

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        """The refusal of the first stage that refuses, else None."""
        return await self._refusal(lambda stage: stage.sender(peer, sender))

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        """The refusal of the first stage that refuses, else None."""
        return await self._refusal(lambda stage: stage.recipient(peer, envelope, recipient))

    async def _refusal(self, ask: Callable[[Stage], Awaitable[Answer]]) -> Answer:
        for stage in self._stages:
            if (reply := await ask(stage)) is not None and not reply.is_positive:
                return reply
        return None

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Reply | Passed:
        """The message as all stages want it, or the refusal of the first stage that refuses.

        Each stage sees what those before it have changed; after one that discards the message, none is asked.
        """
        passed = Passed(envelope, content)
        for stage in self._stages:
            answer = await stage.message(peer, passed.envelope, passed.content)
            if isinstance(answer, Reply):
                if not answer.is_positive:
                    return answer
            elif answer is not None:
                passed = changed(passed, answer)
                if passed.is_discarded:
                    break
        return passed

    async def reset(self, peer: Peer) -> None:
        """Tell all."""
        for stage in self._stages:
            await stage.reset(peer)

    async def close(self) -> None:
        """Tell all."""
        for stage in self._stages:
            await stage.close()
