"""Hooks in Python: a package of your own that has a word about mail, by an entry point.

A package names a class, or a function that makes an object for each connection, in the group `pillarbox.hooks`:

    [project.entry-points."pillarbox.hooks"]
    no-invoices = "my_package.hooks:NoInvoices"

and the administrator names it in `hooks.python`; nothing that is merely installed is ever loaded. The class is a
`Hook`, whose methods are plain functions that run in a thread, or a `Stage`, whose methods are coroutines on the event
loop and must never block it.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from typing import Any

from pillarbox.servers.smtp.patience import Patience, PatientStage
from pillarbox.servers.smtp.peer import Peer
from pillarbox.servers.smtp.stage import Answer, Changes, Content, Envelope, Stage
from pillarbox.wire.smtp.state import Recipient, Sender

GROUP = "pillarbox.hooks"
_THREADS = 8


class Hook:
    """What is asked at each stage; a hook overrides what it cares for, with plain functions that may take their time.

    Each runs in one of a few threads. One that does not come back in time is not waited for, but keeps its thread.
    """

    def connect(self, peer: Peer) -> Answer:
        """Somebody has connected."""

    def hello(self, peer: Peer) -> Answer:
        """The peer said who it is."""

    def sender(self, peer: Peer, sender: Sender) -> Answer:
        """MAIL: a transaction is about to begin."""

    def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        """RCPT, of an address that takes mail here."""

    def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        """The message is complete."""

    def close(self) -> None:
        """The connection is over."""


class HookError(Exception):
    """A hook that the settings name cannot be had; the message says why."""


class HookThreads:
    """The threads in which hooks run; made when the first of them does."""

    @functools.cached_property
    def pool(self) -> ThreadPoolExecutor:
        """They are given up, not waited for, when the process ends."""
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="hook")

    async def run(self, function: Callable[..., Any], *values: Any) -> Any:
        """What a function comes to, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *values)


class HookStage(Stage):
    """A hook's part in one connection."""

    def __init__(self, hook: Hook, threads: HookThreads) -> None:
        self._hook, self._threads = hook, threads

    async def connect(self, peer: Peer) -> Answer:
        answer: Answer = await self._ask("connect", peer)
        return answer

    async def hello(self, peer: Peer) -> Answer:
        answer: Answer = await self._ask("hello", peer)
        return answer

    async def sender(self, peer: Peer, sender: Sender) -> Answer:
        answer: Answer = await self._ask("sender", peer, sender)
        return answer

    async def recipient(self, peer: Peer, envelope: Envelope, recipient: Recipient) -> Answer:
        answer: Answer = await self._ask("recipient", peer, envelope, recipient)
        return answer

    async def message(self, peer: Peer, envelope: Envelope, content: Content) -> Answer | Changes:
        answer: Answer | Changes = await self._ask("message", peer, envelope, content)
        return answer

    async def close(self) -> None:
        await self._ask("close")

    async def _ask(self, stage: str, *values: Any) -> Any:
        # A hop to a thread is spared for what the hook does not override.
        if getattr(type(self._hook), stage) is getattr(Hook, stage):
            return None
        return await self._threads.run(getattr(self._hook, stage), *values)


def load_hooks(names: Sequence[str], seconds: float, on_failure: Any) -> list[Callable[[], Stage]]:
    """What makes the stages of the hooks with these names, in their order. Raises HookError."""
    threads = HookThreads()
    found = {point.name: point for point in entry_points(group=GROUP)}
    makers: list[Callable[[], Stage]] = []
    for name in names:
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise HookError(f"hooks.python names {name}, which no installed package offers; there are: {known}")
        try:
            make = found[name].load()
        except Exception as error:
            raise HookError(f"the hook {name} cannot be loaded: {type(error).__name__}: {error}") from error
        patience = Patience(name=name, seconds=seconds, on_failure=on_failure)
        makers.append(functools.partial(_stage, make, patience, threads))
    return makers


def _stage(make: Callable[[], object], patience: Patience, threads: HookThreads) -> Stage:
    made = make()
    if isinstance(made, Hook):
        return PatientStage(HookStage(made, threads), patience)
    if isinstance(made, Stage):
        return PatientStage(made, patience)
    raise HookError(f"the hook {patience.name} makes a {type(made).__name__}, which is neither a Hook nor a Stage")
