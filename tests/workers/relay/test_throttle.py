"""Throttles as the worker keeps them: several workers together, and mail that waits too long for one."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.queue_throttle import THROTTLING, Throttles
from pillarbox.services.relay import Schedule
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.postgresql.store import PostgresStore
from pillarbox.workers.relay.settings import RelaySettings
from pillarbox.workers.relay.worker import RelayWorker
from tests.directory_fixture import SetClock
from tests.support.dns_table import Table
from tests.support.engine import postgres, postgres_url
from tests.support.smtp_sink import Sink, serving
from tests.workers.relay.relay_fixture import DATA, LOOPBACK, Depot, attempts_on

__all__ = ["postgres", "postgres_url"]
HOUR, DAY = 3600, 86_400


def test_what_may_not_go_waits_and_what_waits_too_long_comes_back(depot: Depot) -> None:
    """Without an attempt: nobody at the other end has ever heard of it."""

    async def body(depot: Depot) -> None:
        sink = Sink()
        async with serving(sink):
            depot.options |= {
                "throttles": Throttles(["to:two.test 1/day", "all 5/day"]),
                "schedule": Schedule(expire_days=2, delay_notice_hours=4),
            }
            for _ in range(5):
                depot.put("bob@two.test", "carol@two.test")
            await depot.send(sink.port)
            assert (len(sink.taken), len(depot.waiting())) == (1, 2)
            assert not any(job.get("attempts") for job in depot.waiting().values())
            depot.clock.forward(seconds=3 * HOUR)
            await depot.send(sink.port)
            assert depot.inbox() == []
            depot.clock.forward(seconds=HOUR)
            for _ in range(2):  # once is enough
                await depot.send(sink.port)
            notices = depot.inbox()
            assert len(notices) == 5  # one for each message
            assert all(b"Action: delayed" in notice and b"4.4.5" in notice for notice in notices)
            depot.clock.forward(seconds=DAY)
            await depot.send(sink.port)
            assert len(sink.taken) == 2
            depot.clock.forward(seconds=DAY)
            await depot.send(sink.port)
            failed = [notice for notice in depot.inbox() if b"Action: failed" in notice]
            assert len(failed) >= 4
            assert all(b"5.4.7 it waited for 2 days" in notice for notice in failed)
            assert (depot.waiting(), len(sink.taken)) == ({}, 2)

    depot.run(body)


def test_mail_that_cannot_be_told_of_holds_up_no_other(depot: Depot) -> None:
    """The disk does not give back what is to be quoted to its sender."""

    async def body(depot: Depot) -> None:
        sink = Sink()
        async with serving(sink):
            depot.options["throttles"] = Throttles(["to:two.test 1/day"])
            depot.table = Table({f"{name} A": ["127.0.0.1"] for name in ("two.test", "three.test")})
            for data in (DATA, DATA + b"x" * 70 + b"\r\n", DATA + (b"x" * 70 + b"\r\n") * 5_000):
                depot.put("bob@two.test", data=data)
            await depot.send(sink.port)
            assert (len(sink.taken), len(depot.inbox())) == (1, 0)
            (file,) = (path for path in depot.store.folder.glob("blobs/**/*") if path.is_file())
            file.unlink()
            file.mkdir()
            depot.clock.forward(seconds=4 * HOUR)
            depot.put("carol@three.test")
            await depot.send(sink.port)
            assert len(sink.taken) == 2
            assert len(depot.inbox()) == 1  # of the other that waits

    depot.run(body)


def test_several_workers_on_several_nodes_keep_one_rate(postgres_url: str, tmp_path: Path) -> None:
    clock = SetClock()
    nodes = [PostgresStore(postgres_url, tmp_path / name, clock=clock) for name in ("one", "two", "three")]
    nodes[0].write(lambda tx: tx.add_account("x0"))
    to = [Address(f"u{n}@two.test") for n in range(100)]

    def put(tx: Any, to: Address) -> None:
        enqueue(tx, Outgoing(account="x0", data=DATA, mail_from=Address("ann@example.org"), recipients=[to]))

    for one in to:
        nodes[0].write(lambda tx, one=one: put(tx, one))  # type: ignore[misc]

    async def main() -> list[int]:
        sink = Sink()
        counts = []
        async with asyncio.timeout(60), serving(sink):
            settings = RelaySettings(
                "mx.example.org",
                port=sink.port,
                throttles=Throttles(["all 60/hour 20 at once", "to:* 1000/hour"]),
                allowed=LOOPBACK,
            )
            bridges = [bridge_to(store) for store in nodes]
            workers = [RelayWorker(bridge, settings, attempts_on(bridge, settings)) for bridge in bridges]
            for _ in range(4):
                # Some find an empty queue while the others have it all, so each gets several chances.
                for _ in range(3):
                    await asyncio.gather(*(worker.drain() for worker in workers))
                counts.append(len(sink.taken))
                clock.forward(seconds=HOUR / 41 * 10 + 1)
            for worker, bridge in zip(workers, bridges, strict=True):
                await worker.stop()
                await bridge.close()
        return counts

    assert asyncio.run(main()) == [20, 30, 40, 50]
    for node in nodes:
        node.close()


PROCESS = """
import sys
from pathlib import Path
from pillarbox.services.queue import PERSONAL, throttling
from pillarbox.services.queue_throttle import Throttles
from pillarbox.storage import lane
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.lane import Claimer

class Still:
    def now_ms(self):
        return int(sys.argv[2])

store = EmbeddedStore(Path(sys.argv[1]), clock=Still())
by = Claimer("p" + sys.argv[3], 60_000, throttling=throttling(Throttles(["all 60/hour 20 at once"])))
print("ready", flush=True)
sys.stdin.readline()
count = misses = 0
while misses < 5:
    lease = f"l{sys.argv[3]}-{count}-{misses}"
    found = store.write(lambda tx: lane.claim(tx.db, PERSONAL, tx.now_ms, by, lease, lambda _: 1000))
    count, misses = (count + len(found.entries), 0) if found else (count, misses + 1)
print(count)
store.close()
"""


def test_several_processes_on_one_folder_keep_one_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(THROTTLING, "throttles", Throttles(["all 60/hour 20 at once"]))
    clock = SetClock()
    store = EmbeddedStore(tmp_path / "data", clock=clock)
    store.write(lambda tx: tx.add_account("x0"))
    for n in range(60):
        out = Outgoing(
            account="x0", data=DATA, mail_from=Address("ann@example.org"), recipients=[Address(f"u@d{n}.test")]
        )
        store.write(lambda tx, out=out: enqueue(tx, out))  # type: ignore[misc]
    store.close()
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "data"), str(clock.now_ms())]
    processes = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- this very interpreter
        for n in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    counts = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        printed, _ = process.communicate(timeout=60)
        counts.append(int(printed))
    assert sum(counts) == 20
