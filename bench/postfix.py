"""`python -m bench postfix`: the same mail into Postfix and into Pillarbox, and out of them, in turn.

Postfix's smtp-source sends, its smtp-sink takes. `queue`: mail for elsewhere, until it is acknowledged and in the
queue; `mailbox`: local mail, until all of it is delivered; `relay`: what is queued, to the sink. Needs Debian's
postfix, and root.
"""

import argparse
import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench.inbound import SOURCE, TO, free_port, start
from bench.meter import ProcessTree
from bench.relay import sink
from pillarbox.app.engine import Engine
from pillarbox.storage.embedded import EmbeddedStore
from tests.peers.postfix import Postfix, hindrance

_AWAY = "away@example.org"  # forwarded to elsewhere
_PATIENCE = 120.0
Row = tuple[float, float]  # messages a second, ms of processor for each


@dataclass
class Load:
    """What is sent to either server."""

    messages: int
    connections: int
    octets: int
    keeps: bool  # whether a connection takes all of its messages

    def send(self, port: int, to: str) -> None:
        """Have smtp-source get rid of it."""
        size = ["-s", str(self.connections), "-l", str(self.octets), "-m", str(self.messages)]
        kept = ["-d"] if self.keeps else []
        names = ["-M", "mail.example.net", "-f", "sender@example.net", "-t", to]
        subprocess.run([SOURCE, *kept, *size, *names, f"127.0.0.1:{port}"], check=True)

    def timed(self, tree: ProcessTree, act: Callable[[], None]) -> Row:
        """Do something with all messages; what it came to. The processor's time counts until all is quiet."""
        tree.settle()
        used, began = tree.use().cpu_seconds, time.perf_counter()
        act()
        seconds = time.perf_counter() - began
        tree.settle()
        return self.messages / seconds, 1000 * (tree.use().cpu_seconds - used) / self.messages


def _wait(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_done():
        if time.monotonic() > deadline:
            raise RuntimeError("it does not come to its end")
        time.sleep(0.02)


# --- ours


def _ours(load: Load, folder: Path) -> dict[str, Row]:
    with Engine(folder / "data") as engine:
        engine.create("Domain", {"name": "example.org"})
        engine.create("Account", {"name": TO, "password": secrets.token_hex()})
        engine.create("Alias", {"address": _AWAY, "forwardTo": ["bob@two.test"]})
    smtp, rows, warm_up = free_port(), dict[str, Row](), replace(load, messages=load.messages // 10)
    smtp_lines = f'[smtp]\nlisten = ["127.0.0.1:{smtp}"]\nauthenticate = false\n[relay]\n'
    with start(folder, f"{smtp_lines}enabled = false\n", workers=2) as pid:
        tree = ProcessTree(pid)
        warm_up.send(smtp, TO)
        rows["mailbox"] = load.timed(tree, lambda: load.send(smtp, TO))
        rows["queue"] = load.timed(tree, lambda: load.send(smtp, _AWAY))
    store = EmbeddedStore(folder / "data")
    count = _waiting(store)
    if count != load.messages:
        raise RuntimeError(f"{count} of {load.messages} are queued")
    with sink(folder) as port, start(folder, f'{smtp_lines}smarthost = "smtp://127.0.0.1:{port}"\n', workers=2) as pid:
        # It begins while it starts, so the clock runs from the first look on, for what is left then.
        left, used, began = _waiting(store), ProcessTree(pid).use().cpu_seconds, time.perf_counter()
        _wait(lambda: _waiting(store) == 0)
        seconds = time.perf_counter() - began
        rows["relay"] = left / seconds, 1000 * (ProcessTree(pid).use().cpu_seconds - used) / left
    store.close()
    return rows


def _waiting(store: EmbeddedStore) -> int:
    return store.read(lambda view: int(str((view.db.row("SELECT COUNT(*) FROM outbox") or [0])[0])))


# --- Postfix


def _theirs(load: Load, folder: Path) -> dict[str, Row]:
    rows, warm_up = dict[str, Row](), replace(load, messages=load.messages // 10)
    with sink(folder) as port, _postfix(folder, port, load.connections) as postfix:
        tree = ProcessTree(int((postfix.folder / "queue/pid/master.pid").read_text()))
        warm_up.send(postfix.port, "all@postfix.test")
        _wait(lambda: _queued(postfix) == 0)
        before = _delivered(postfix)

        def deliver() -> None:
            load.send(postfix.port, "all@postfix.test")
            _wait(lambda: _delivered(postfix) == before + load.messages)

        rows["mailbox"] = load.timed(tree, deliver)
        rows["queue"] = load.timed(tree, lambda: load.send(postfix.port, "bob@two.test"))
        subprocess.run(["postconf", "-c", str(postfix.config), "-e", "defer_transports="], check=True)
        postfix.run("reload")
        time.sleep(1.0)  # for as long as the reload takes

        def relay() -> None:
            postfix.run("flush")
            _wait(lambda: _queued(postfix) == 0)

        rows["relay"] = load.timed(tree, relay)
    return rows


@contextlib.contextmanager
def _postfix(folder: Path, port: int, connections: int) -> Iterator[Postfix]:
    folder.chmod(0o755)  # the user postfix goes in and out
    postfix = Postfix(folder)
    postfix.configure(
        {
            "relayhost": f"[127.0.0.1]:{port}",
            "defer_transports": "smtp",
            "smtp_destination_concurrency_limit": str(connections),
            "initial_destination_concurrency": str(connections),
            "smtpd_client_connection_count_limit": "0",
        }
    )
    postfix.run("start")
    try:
        postfix.wait_ready()
        yield postfix
    finally:
        postfix.run("stop")


def _queued(postfix: Postfix) -> int:
    return sum(
        len(files)
        for name in ("incoming", "active", "deferred")
        for *_, files in os.walk(postfix.folder / "queue" / name)
    )


def _delivered(postfix: Postfix) -> int:
    with contextlib.suppress(FileNotFoundError):
        return sum(1 for _ in (postfix.folder / "mail/all/new").iterdir())
    return 0


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench postfix")
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--octets", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="connections take all their messages, not one each")
    given = parser.parse_args(arguments)
    if problem := hindrance():
        parser.error(problem)
    load = Load(given.messages, given.connections, given.octets, given.keep)
    found: dict[str, dict[str, list[Row]]] = {"pillarbox": {}, "postfix": {}}
    for number in range(given.rounds):
        for name, measure in (("pillarbox", _ours), ("postfix", _theirs)):
            folder = Path(tempfile.mkdtemp(prefix="pillarbox-bench-"))
            try:
                for row, figures in measure(load, folder).items():
                    found[name].setdefault(row, []).append(figures)
                    print(f"[{number + 1}] {name} {row}: {figures[0]:.0f}/s, {figures[1]:.2f} ms", flush=True)
            finally:
                shutil.rmtree(folder)
    for row in found["pillarbox"]:
        ours, theirs = ([median(values) for values in zip(*found[name][row], strict=True)] for name in found)
        print(
            f"{row}: pillarbox {ours[0]:.0f}/s at {ours[1]:.2f} ms of processor, postfix {theirs[0]:.0f}/s at"
            f" {theirs[1]:.2f} ms: {ours[0] / theirs[0]:.2f} of its rate"
        )
    return 0
