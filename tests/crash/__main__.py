"""`python -m tests.crash --rounds 1000 --seed 7 --engine sqlite`: crash a server, and look whether it kept its word."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.database import DatabaseRounds
from tests.crash.migration import Migrations
from tests.crash.relay import run_relay
from tests.crash.rounds import Rounds, first_starts
from tests.crash.server import Nursery
from tests.support.postgres_server import Server as PostgresServer


def main() -> None:
    """Run rounds by hand."""
    parser = argparse.ArgumentParser(description="Kill a server under load, and check what it acknowledged.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--database", action="store_true", help="it is PostgreSQL's server that is crashed")
    parser.add_argument("--migrations", action="store_true", help="old stores are killed while they are brought up")
    parser.add_argument("--relay", action="store_true", help="mail to another server is on its way meanwhile")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--verify-every", type=int, default=25)
    given = parser.parse_args()
    if given.migrations:
        _migrate(given)
        return
    if given.relay:
        _relay(given)
        return
    nursery, began = Nursery(), time.monotonic()
    what = "the database of " if given.database else ""
    print(f"seed {given.seed}, {what}{given.engine}, {given.workers} workers", flush=True)
    with tempfile.TemporaryDirectory(prefix="pillarbox-crash-") as folder, _rounds(given, folder, nursery) as rounds:
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
        + (f", {rounds.refusals} times told to try again" if isinstance(rounds, DatabaseRounds) else "")
    )


def _migrate(given: argparse.Namespace) -> None:
    nursery, database = Nursery(), PostgresServer() if given.engine == "postgresql" else None
    print(f"seed {given.seed}, migrations on {given.engine}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pillarbox-crash-") as folder:
        migrations = Migrations(Path(folder), nursery, seed=given.seed, database=database)
        try:
            migrations.run(given.rounds)
        finally:
            if database is not None:
                database.stop()
    nursery.close()
    print(
        f"nothing lost: {given.rounds} stores, {migrations.kills} kills, {migrations.interrupted} before it was ready"
    )


def _relay(given: argparse.Namespace) -> None:
    database = PostgresServer() if given.engine == "postgresql" else None
    print(f"seed {given.seed}, relay on {given.engine}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pillarbox-crash-") as folder:
        try:
            url = database.new() if database is not None else ""
            rounds = run_relay(
                Path(folder),
                given.rounds,
                seed=given.seed,
                url=url,
                workers=given.workers,
                verify_every=given.verify_every,
            )
        finally:
            if database is not None:
                database.stop()
    print(
        f"nothing lost: {given.rounds} rounds, {rounds.acknowledged} acknowledged messages, {rounds.taken} recipients,"
        f" {rounds.twice} of them taken twice, {len(rounds.server.kills)} kills, {dict(rounds.kinds)}"
    )


@contextmanager
def _rounds(given: argparse.Namespace, folder: str, nursery: Nursery) -> Iterator[Rounds]:
    if given.engine == "sqlite" and not given.database:
        yield Rounds(Path(folder), nursery, seed=given.seed, workers=given.workers)
        return
    # A database that is crashed syncs as it does elsewhere.
    database = PostgresServer(fsync="on", full_page_writes="on") if given.database else PostgresServer()
    try:
        if given.database:
            yield DatabaseRounds(Path(folder), nursery, database, seed=given.seed, workers=given.workers)
        else:
            yield Rounds(Path(folder), nursery, seed=given.seed, workers=given.workers, url=database.new())
    finally:
        database.stop()


if __name__ == "__main__":
    main()
