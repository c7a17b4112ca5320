"""Several nodes on one database send side by side, and nothing twice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.worker import RelayWorker
from tests.support.engine import postgres, postgres_url
from tests.support.smtp_sink import Sink, Taken, serving
from tests.workers.relay.relay_fixture import DATA, LOOPBACK, attempts_on

__all__ = ["postgres", "postgres_url"]
COUNT = 60


def put(store: PostgresStore, numbers: range) -> None:
    """Queue a message for each number, to two people of one domain and one of another."""

    def body(tx: Any, n: int) -> None:
        to = [Address(f"a{n}@two.test"), Address(f"b{n}@two.test"), Address(f"c{n}@three.test")]
        enqueue(tx, Outgoing(account=f"x{n % 3}", data=DATA, mail_from=Address("ann@example.org"), recipients=to))

    for n in numbers:
        store.write(lambda tx, n=n: body(tx, n))  # type: ignore[misc]


@pytest.mark.parametrize("dies", [False, True])
def test_nodes_share_the_work_and_do_it_once(postgres_url: str, tmp_path: Path, dies: bool) -> None:
    nodes = [PostgresStore(postgres_url, tmp_path / name) for name in ("one", "two", "three")]
    for account in ("x0", "x1", "x2"):
        nodes[0].write(lambda tx, a=account: tx.add_account(a))  # type: ignore[misc]
    put(nodes[0], range(COUNT))

    async def main() -> Sink:
        sent = asyncio.Event()

        def count(_taken: Taken) -> None:
            if sum(len(taken.lines) - 1 for taken in sink.taken) >= 3 * (COUNT + 10):
                sent.set()

        sink = Sink(before_250=count)
        async with asyncio.timeout(60), serving(sink):
            bridges = [bridge_to(store) for store in nodes]
            settings = RelaySettings(
                "mx.example.org", per_destination=4, port=sink.port, lease_seconds=2.0, allowed=LOOPBACK
            )
            workers = [RelayWorker(bridge, settings, attempts_on(bridge, settings)) for bridge in bridges]
            if dies:  # with some of the work: it has claimed and sent nothing
                await bridges[2].write(lambda tx: workers[2]._claim(tx, "personal", 5))
            runs = [asyncio.create_task(worker.run()) for worker in workers[:2]]
            for n in range(COUNT, COUNT + 10):
                await asyncio.to_thread(put, nodes[2], range(n, n + 1))
            await sent.wait()
            for run in runs:
                run.cancel()
            await asyncio.gather(*runs, return_exceptions=True)
            for bridge in bridges:
                await bridge.close()
            return sink

    sink = asyncio.run(main())
    times = Counter(line for taken in sink.taken for line in taken.lines[1:])
    assert set(times.values()) == {1}
    assert len(times) == 3 * (COUNT + 10)
    left = nodes[0].read(lambda view: view.db.row("SELECT COUNT(*) FROM outbox"))
    assert left == (0,)
    for node in nodes:
        node.close()
