"""The look at the certificates: new ones are taken on, old ones are warned of once a day."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.net.tls import IMAP
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.workers.certificate_watch import CertificateWatch
from pillarbox.workers.observed import CERTIFICATE_DAYS
from tests.directory_fixture import SetClock
from tests.support.certificate_files import CertificateFiles


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(tmp_path / "data", clock=SetClock())
    yield store
    store.close()


def days(path: Path) -> float:
    return next(s.value for s in CERTIFICATE_DAYS.samples() if s.labels == {"certificate": str(path)})


def test_a_look_finds_new_files_and_says_how_long_they_are_good(store: EmbeddedStore, tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    now = datetime.fromtimestamp(store.clock.now_ms() / 1000, UTC)
    path = files.write("a.pem", "localhost", not_after=now + timedelta(days=3))
    contexts = files.contexts(path)

    async def look() -> None:
        bridge = bridge_to(store)
        watch = CertificateWatch(bridge, contexts)
        await watch.once()
        assert days(path) == 3.0
        files.write("a.pem", "localhost", not_after=now + timedelta(days=90))
        await watch.once()
        assert days(path) == 90.0
        assert contexts.context(IMAP).certificate.not_after == (now + timedelta(days=90)).replace(microsecond=0)
        await bridge.close()

    asyncio.run(look())


@pytest.mark.parametrize(("for_all", "warnings"), [(True, 1), (False, 0)])
def test_one_process_warns_once_a_day(
    store: EmbeddedStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, for_all: bool, warnings: int
) -> None:
    files = CertificateFiles(tmp_path)
    clock = store.clock
    assert isinstance(clock, SetClock)
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    contexts = files.contexts(files.write("a.pem", "localhost", not_after=now + timedelta(days=3)))

    async def look() -> None:
        bridge = bridge_to(store)
        watch = CertificateWatch(bridge, contexts, for_all=for_all)
        await watch.once()
        assert not caplog.records
        clock.now += 86_400_000
        for _ in range(2):
            await watch.once()
        await bridge.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(look())
    assert [record.__dict__["event"] for record in caplog.records] == ["tls.expires"] * warnings
