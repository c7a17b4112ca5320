"""What the settings turn on of reports."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from pillarbox.app.config.settings import Settings
from pillarbox.app.outside import Outside
from pillarbox.app.reports import Reporting, reporting_of
from pillarbox.app.wiring import bridge_to
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.dns.settings import DnsSettings
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.outbound_address import AddressPolicy
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.workers.failure_sending import FailureSending


def reporting(folder: Path, *, has_duties: bool, **changes: object) -> Reporting:
    """What is put together for a process."""
    settings = Settings()
    settings = msgspec.structs.replace(settings, reports=msgspec.structs.replace(settings.reports, **changes))

    async def main() -> Reporting:
        store = EmbeddedStore(folder)
        bridge = bridge_to(store)
        outside = Outside(GuardedClient(AddressPolicy(())), LazyResolver(DnsSettings()))
        made = reporting_of(settings, bridge, outside, has_duties=has_duties)
        await bridge.close()
        store.close()
        return made

    return asyncio.run(main())


@pytest.mark.parametrize("has_duties", [True, False])
def test_nothing_is_told_of_single_messages_unless_that_is_turned_on(tmp_path: Path, has_duties: bool) -> None:
    made = reporting(tmp_path, has_duties=has_duties)
    assert made.outside.failures is None
    assert not any(isinstance(worker, FailureSending) for worker in made.workers)


@pytest.mark.parametrize("has_duties", [True, False])
def test_each_process_tells_of_what_it_received(tmp_path: Path, has_duties: bool) -> None:
    made = reporting(tmp_path, has_duties=has_duties, dmarc_failure=True)
    assert made.outside.failures is not None
    assert sum(isinstance(worker, FailureSending) for worker in made.workers) == 1
