"""`python -m bench queue`: a long outbound queue. What a claim costs in it, and what memory it takes to send it all.

Three steps, in one run or each by itself on the same data: `fill`, `claims`, `drain`. `--url` names a PostgreSQL
database that is empty, or was filled before; without it, it is SQLite. `--throttle RULE`, as often as there are rules,
has mail be held back as `relay.throttles` does: rules with much room show what asking costs, others what waiting does.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.meter import PSS, number
from bench.relay import fill, prepare, send_all, sink
from bench.result import percentile
from pillarbox.app.wiring import open_store
from pillarbox.services.queue import PERSONAL, throttling
from pillarbox.services.queue_throttle import THROTTLING, Throttles
from pillarbox.storage import lane
from pillarbox.storage.lane import Claimer
from pillarbox.storage.postgresql import observed
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

_STEPS = ("fill", "claims", "drain")
_SHARES = {"median": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench queue")
    parser.add_argument("steps", nargs="*", choices=(*_STEPS, []), default=[], metavar=f"{{{','.join(_STEPS)}}}")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--octets", type=int, default=2_000)
    parser.add_argument("--claims", type=int, default=5_000)
    parser.add_argument("--data", type=Path, help="a folder that is kept, so that steps can be run one by one")
    parser.add_argument("--url", help="of a PostgreSQL database")
    parser.add_argument("--throttle", action="append", default=[], metavar="RULE", help="such as 'to:* 100/hour'")
    given = parser.parse_args(arguments)
    steps = given.steps or _STEPS
    THROTTLING.throttles = Throttles(given.throttle)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store((given.data or Path(folder)) / "data", hostname="mx.example.org", url=given.url)
        if "fill" in steps:
            prepare(store)
            fill(store, given.messages, given.octets)
        if "claims" in steps:
            _claims(store, given.claims)
        if "drain" in steps:
            _drain(store, Path(folder), tuple(given.throttle))
        store.close()
    return 0


def _waiting(store: Store) -> int:
    return store.read(lambda view: int(str((view.db.row("SELECT COUNT(*) FROM outbox") or [0])[0])))


def _claims(store: Store, count: int) -> None:
    """Time claims alone: each takes the next message, whose end, untimed, makes room for the next."""
    waiting, times, held = _waiting(store), list[float](), throttling(THROTTLING.throttles)
    empty = 0

    def claim(tx: Transaction, n: int) -> None:
        began = time.perf_counter()
        by = Claimer("bench", 60_000, throttling=held)
        found = lane.claim(tx.db, PERSONAL, tx.now_ms, by, f"l{began}{n}", lambda _: 10)
        times.append(time.perf_counter() - began)
        if found is None:  # it has put away lanes that are empty or wait, as many as one claim looks at
            nonlocal empty
            empty += 1
            return
        for entry in found.entries:
            tx.finish_entry(entry)
        lane.release(tx.db, found.lease, tx.now_ms)

    for n in range(count):
        store.write(lambda tx, n=n: claim(tx, n))  # type: ignore[misc]
    late = [
        f"{1000 * seconds:.1f} ms in claim {n}" for seconds, n in sorted(zip(times, range(count), strict=True))[-5:]
    ]
    shares = ", ".join(f"{name} {1000 * percentile(times, share):.2f}" for name, share in _SHARES.items())
    print(
        f"{waiting} waiting, {count} claims, {empty} of them in vain, in ms: {shares}; the longest: {', '.join(late)}",
        flush=True,
    )


def _drain(store: Store, folder: Path, throttles: tuple[str, ...]) -> None:
    """Send it all to a sink, and look at this process's memory meanwhile."""
    waiting, memory = _waiting(store), _Memory()
    with sink(folder) as port, memory.watching():
        began, used = time.perf_counter(), time.process_time()
        send_all(store, folder, port, throttles)
        seconds, used = time.perf_counter() - began, time.process_time() - used
    again = sum(sample.value for sample in observed.REPEATED.samples())
    seen = [size for _, size in memory.seen]
    fifths = [max(seen[len(seen) * n // 5 : len(seen) * (n + 1) // 5], default=0.0) for n in range(5)]
    print(
        f"{waiting} sent in {seconds:.0f} s: {waiting / seconds:.0f}/s, {1000 * used / waiting:.2f} ms of processor"
        f" each, {_waiting(store)} left, {again:.0f} transactions run again; MiB at the start"
        f" {seen[0]:.0f}, most in each fifth of the time"
        f" {', '.join(f'{size:.0f}' for size in fifths)}"
    )


class _Memory:
    """Looks at this process's memory twice a second."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []  # seconds, MiB
        self._began, self._stop = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While the block runs."""
        self._thread.start()
        yield
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.5):
            self.seen.append((time.monotonic() - self._began, number(os.getpid(), "smaps_rollup", PSS) / 1024))
