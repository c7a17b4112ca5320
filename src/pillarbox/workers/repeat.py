"""Work that is done again and again, beside everything else, whatever goes wrong once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from pillarbox.workers import observed


async def repeat(work: Callable[[], Awaitable[None]], seconds: float, name: str) -> NoReturn:
    """Do it every so many seconds, until cancelled; what fails is told by its name, and tried again the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 -- the worker outlives whatever goes wrong once
            observed.FAILED.log(error, work=name)
