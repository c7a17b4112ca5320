"""Work that is done again and again."""

import asyncio

import pytest

from pillarbox.workers.repeat import repeat
from tests.support.log import Lines


def test_what_fails_once_is_told_and_done_again() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 2:
            raise ValueError("once")
        if len(done) == 4:
            raise asyncio.CancelledError

    with Lines() as lines, pytest.raises(asyncio.CancelledError):
        asyncio.run(repeat(work, 0, "sweep"))
    assert done == [0, 1, 2, 3]
    assert [line["work"] for line in lines.of("worker.failed")] == ["sweep"]
