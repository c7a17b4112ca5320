"""A store to fetch into, and servers to fetch from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pillarbox.app import fetching
from tests.support.fetch_shell import FetchShell, Meter
from tests.support.imap_source import Source, serving

Serve = Callable[..., Source]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FetchShell:
    monkeypatch.setattr(fetching, "Meter", Meter)
    return FetchShell(tmp_path)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited for, which takes no time."""
    out: list[float] = []
    monkeypatch.setattr(Meter, "wait", lambda _, seconds: out.append(seconds))
    return out


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda folders, **more: stack.enter_context(serving(Source(folders, **more)))
