"""`python -m tests.crash --rounds 1000 --seed 7 --engine sqlite`: crash a server, and look whether it kept its word."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.rounds import Rounds, first_starts
from tests.crash.server import Nursery
from tests.support.postgres_server import Server as PostgresServer


def main() -> None:
    """Run rounds by hand."""
    parser = argparse.ArgumentParser(description="Kill a server under load, and check what it acknowledged.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--verify-every", type=int, default=25)
    given = parser.parse_args()
    nursery, began = Nursery(), time.monotonic()
    print(f"seed {given.seed}, {given.engine}, {given.workers} workers", flush=True)
    with tempfile.TemporaryDirectory(prefix="pillarbox-crash-") as folder, _place(given.engine) as url:
        rounds = Rounds(Path(folder), nursery, seed=given.seed, workers=given.workers, url=url)
        try:
            rounds.run(given.rounds, verify_every=given.verify_every, tell=lambda said: print(said, flush=True))
            rounds.close()
        finally:
            rounds.server.kill()
    if given.engine == "sqlite":
        first_starts(nursery, given.rounds // 20, given.seed)
    nursery.close()
    seconds = time.monotonic() - began
    print(
        f"nothing lost: {given.rounds} rounds in {seconds:.0f} s, {rounds.acknowledged} acknowledged changes,"
        f" {rounds.checker.contents} messages read back, {rounds.checks} times verify-data, {dict(rounds.kinds)}"
    )


@contextmanager
def _place(engine: str) -> Iterator[str]:
    if engine == "sqlite":
        yield ""
        return
    server = PostgresServer()
    try:
        yield server.new()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
