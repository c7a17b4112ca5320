"""Who sends under a lease knows when it may have ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.services.queue import PERSONAL
from pillarbox.storage import lane
from pillarbox.storage.lane import Claim, Claimer
from pillarbox.workers.relay.lease import Lease
from pillarbox.workers.relay.settings import RelaySettings
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import LOOPBACK, Depot, attempts_on

MINUTE = 60_000


def claim(depot: Depot, name: str) -> Claim | None:
    """What somebody of this name takes from the queue, for a minute."""
    by = Claimer(name, MINUTE)
    return depot.store.write(lambda tx: lane.claim(tx.db, PERSONAL, tx.now_ms, by, f"l{name}", lambda _: 5))


def with_a_claim(depot: Depot, body: Callable[[Claim, Any], Awaitable[None]]) -> None:
    """Queue a message, claim it, and do something under the claim."""
    depot.put("bob@two.test")
    found = claim(depot, "us")
    assert found is not None

    async def main(depot: Depot) -> None:
        bridge = bridge_to(depot.store)
        try:
            await body(found, bridge)
        finally:
            await bridge.close()

    depot.run(main)


def test_a_lease_is_ours_until_it_ends_and_longer_when_it_was_renewed(depot: Depot) -> None:
    async def body(claim: Claim, bridge: Any) -> None:
        now = asyncio.get_running_loop().time()
        assert Lease(bridge, claim, 60.0, now).is_ours()
        old = Lease(bridge, claim, 60.0, now - 61.0)  # it took as long to get it
        assert not old.is_ours()
        await old.renew()  # and nobody else wanted it
        assert old.is_ours()

    with_a_claim(depot, body)


def test_a_lease_that_another_has_taken_is_ours_no_more_and_is_not_taken_back(depot: Depot) -> None:
    async def body(mine: Claim, bridge: Any) -> None:
        lease = Lease(bridge, mine, 60.0, asyncio.get_running_loop().time())
        depot.clock.now += 61_000
        theirs = claim(depot, "them")
        assert theirs is not None
        await lease.renew()
        assert not lease.is_ours()
        await lease.keep()  # there is nothing to keep
        assert depot.store.read(lambda view: lane.is_held(view.db, theirs.lease))
        assert not depot.store.read(lambda view: lane.is_held(view.db, mine.lease))

    with_a_claim(depot, body)


@pytest.mark.parametrize("is_ours", [True, False])
def test_nothing_is_sent_under_a_lease_that_may_have_ended(depot: Depot, is_ours: bool) -> None:
    async def body(claim: Claim, bridge: Any) -> None:
        async with serving(Sink()) as sink:
            attempts = attempts_on(bridge, RelaySettings("mx.example.org", port=sink.port, allowed=LOOPBACK))
            lease = Lease(bridge, claim, 60.0, asyncio.get_running_loop().time() - 61.0 * (not is_ours))
            attempt = await attempts.make(claim, lease.is_ours)
            await attempts.close()
        assert [result.outcome for result in attempt.results] == ["relayed" if is_ours else "later"]
        assert attempt.down is None
        assert sink.given == len(sink.taken) == is_ours

    with_a_claim(depot, body)
