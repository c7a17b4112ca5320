"""Measures a server of this checkout: JMAP requests, deliveries, growth with the box, start-up and memory.

See bench/README.md for what the rows mean and what to compare with what.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import SystemRandom

from bench import delivery, footprint
from bench.client import Job, Load, Pool
from bench.jmap import Jmap
from bench.meter import busy_seconds
from bench.result import Result, figures, spread
from bench.target import PASSWORD, Target, open_target
from bench.workload import REFUSED, WORKLOADS, Script, Workload

GROWING = ("J4", "J7", "J8")
NUMBERS = SystemRandom().randrange(1 << 30)  # drafts and uploads of this run are unlike those of others


class Bench:
    """One run: the target, the client's process, and the figures so far."""

    def __init__(self, options: argparse.Namespace, pool: Pool, target: Target, result: Result) -> None:
        self.options, self.pool, self.target, self.result = options, pool, target, result
        self.number = NUMBERS
        self.boxes: dict[int, Jmap] = {}

    def box(self, size: int) -> Jmap:
        """The account with an inbox of this size, filled when it is asked for first."""
        if size not in self.boxes:
            jmap = self.target.account(f"box{size}")
            say(f"filling a box of {size}")
            delivery.fill(self.pool, self.target, jmap, size)
            self.target.settle()
            self.boxes[size] = jmap
        return self.boxes[size]

    def rows(self) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
        """The rows that were asked for: name and how to measure one round."""
        for workload in WORKLOADS:
            yield workload.name, partial(self.requests, workload, self.options.size)
        for connections in (4, 16):
            yield f"D{connections}", partial(self.deliveries, connections)
        yield "visible", self.visible
        for size in self.options.sizes:
            for workload in WORKLOADS:
                if workload.name in GROWING:
                    name = f"growth {workload.name} {size}"
                    yield name, partial(self.requests, workload, size)
        if self.target.demo:
            yield "startup", footprint.startup
            yield "import", self.import_mail

    def requests(self, workload: Workload, size: int) -> dict[str, float]:
        """One round of a JMAP row: alone on one connection, then on several."""
        jmap = self.box(size)
        script = workload.prepare(jmap)
        alone = self.metered(lambda: self.pool.do(self.job(jmap, script, 1, self.options.seconds / 2)))
        found = self.metered(
            lambda: self.pool.do(self.job(jmap, script, self.options.connections, self.options.seconds))
        )
        script.put_back()
        errors = found["errors"] + alone["errors"]
        return {**found, "alone_p50_ms": alone["p50_ms"], "errors": errors}

    def job(self, jmap: Jmap, script: Script, connections: int, seconds: float) -> Job:
        """The job that replays a script."""
        self.number += 1 << 20
        return Job(
            jmap.address,
            script.operations,
            connections,
            seconds=seconds,
            warm_up=0.3,
            must=script.must,
            never=REFUSED,
            first_number=self.number & 0xFFFFFFFF,
        )

    def metered(self, run: Callable[[], Load]) -> dict[str, float]:
        """Run, and add what the server used until it was idle again, and what others used meanwhile."""
        tree = self.target.tree
        before, busy, start = tree.use() if tree else None, busy_seconds(), time.monotonic()
        load = run()
        if load.errors:
            say(f"  {load.errors} errors: {load.error_sample[:300]}")
        found = figures(load)
        if not tree or not before:
            return found
        others = busy_seconds() - busy - load.client_cpu - (tree.use().cpu_seconds - before.cpu_seconds)
        found["noise"] = max(0.0, others / (time.monotonic() - start))
        tree.settle(5.0)
        after, done = tree.use(), max(1, load.all_operations)
        found["cpu_ms"] = (after.cpu_seconds - before.cpu_seconds) * 1000 / done
        found["disk_kb"] = (after.written - before.written) / 1024 / done
        return {**found, "pss_mb": tree.pss_mb()}

    def deliveries(self, connections: int) -> dict[str, float]:
        """One round of LMTP deliveries into one box."""
        sink = self.target.account("sink")
        delivery.make_room(self.target, sink)
        return self.metered(lambda: delivery.deliver(self.pool, self.target, sink, self.options.messages, connections))

    def visible(self) -> dict[str, float]:
        """One round of deliveries that are waited for."""
        return spread(delivery.until_visible(self.target, self.target.account("sink")))

    def import_mail(self) -> dict[str, float]:
        """Import an mbox into an account."""
        assert self.target.demo is not None
        return footprint.import_mail(self.target.demo, self.target.account("imported"), self.options.imported)

    def run(self) -> None:
        """All rounds of all rows."""
        chosen = [(name, measure) for name, measure in self.rows() if wanted(name, self.options.rows)]
        for each in range(1, self.options.rounds + 1):
            for name, measure in chosen:
                if name in self.result.failures:
                    continue
                try:
                    found = measure()
                except Exception as error:  # noqa: BLE001 -- one row that fails must not end a long run
                    self.result.failures[name] = f"{type(error).__name__}: {error}"
                    say(f"[{each}] {name}: {self.result.failures[name]}")
                    continue
                self.result.add(name, found)
                say(f"[{each}] {name}: " + " ".join(f"{key}={value:.4g}" for key, value in found.items()))


def growth(result: Result, sizes: list[int]) -> list[str]:
    """How much longer a request takes in the largest box than in the smallest, alone on one connection."""
    least, most, lines = min(sizes), max(sizes), []
    for name in GROWING:
        small, large = (result.median(f"growth {name} {size}", "alone_p50_ms") for size in (least, most))
        if small and large and least < most:
            lines.append(f"{name}: {large / small:.2f} times as long in {most} messages as in {least}")
    return lines


def wanted(name: str, rows: list[str]) -> bool:
    """Whether a row was asked for, by its name or the beginning of it up to a digit or space."""
    family = name.split(" ", maxsplit=1)[0].rstrip("0123456789ud")
    return not rows or name in rows or name.split(" ", maxsplit=1)[0] in rows or family in rows


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="just bench", description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", help="J4, D16, J (all J), D, visible, growth, startup, import; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each row is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a timed run (%(default)s)")
    parser.add_argument("--connections", type=int, default=4, help="for the J rows (%(default)s)")
    parser.add_argument("--size", type=int, default=10_000, help="messages in the box of the J rows (%(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000], help="boxes of the growth rows")
    parser.add_argument("--messages", type=int, default=2_000, help="deliveries in a round (%(default)s)")
    parser.add_argument("--imported", type=int, default=10_000, help="messages of the import row (%(default)s)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--compare", type=Path, help="print the ratios to the figures of this file")
    parser.add_argument("--data", type=Path, help="keep the demo's data here, so that boxes are filled once")
    parser.add_argument("--port-base", type=int, help="first port of the demo (else free ones)")
    parser.add_argument("--session-url", help="measure this running server instead of a demo")
    parser.add_argument("--lmtp", default="127.0.0.1:24", help="its LMTP listener, HOST:PORT")
    parser.add_argument("--pid", type=int, help="its process, for CPU and memory")
    parser.add_argument("--password", default=PASSWORD, help="of its accounts box10000, box1000, sink")
    parser.add_argument("--domain", default="example.org", help="of these accounts (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and print its figures; the exit code is 1 if a row failed."""
    options = parse(arguments)
    about = {"when": time.strftime("%Y-%m-%d %H:%M:%S"), "arguments": sys.argv[1:], "cores": os.cpu_count()}
    result = Result({**about, "python": platform.python_version(), "kernel": platform.release()})
    with Pool() as pool, open_target(options) as target:
        Bench(options, pool, target, result).run()
    print(result.table())
    print("\n".join(growth(result, options.sizes)))
    if options.json:
        result.write(options.json)
    if options.compare:
        print("\n" + result.comparison(Result.read(options.compare)))
    return 1 if result.failures else 0


def say(text: str) -> None:
    """Tell how far the run is, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
