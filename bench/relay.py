"""`python -m bench relay`: how fast queued mail leaves, unsigned and signed. What much in line costs: `bench queue`.

Mail goes to Postfix's smtp-sink on loopback. One process, so one core: the sink has another.
"""

import argparse
import asyncio
import contextlib
import getpass
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from pillarbox.app.config.dns import Dns
from pillarbox.app.config.relay import Relay
from pillarbox.app.config.settings import Settings
from pillarbox.app.dns import resolver_of
from pillarbox.app.relay import relay_worker
from pillarbox.app.wiring import bridge_to, open_store
from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.dkim_key import ACTIVE, add_keys
from pillarbox.datatypes.admin.domain import DOMAIN, Domain
from pillarbox.datatypes.envelope import Address
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, RSA_SHA256, new_key
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction

ACCOUNT = "abench"
_HEAD = b"From: ann@example.org\r\nTo: bob@two.test\r\nSubject: Bench %d\r\nMessage-ID: <%d@bench>\r\n\r\n"
_LINE = b"All work and no play makes Jack a dull boy; the quick brown fox agrees.\r\n"


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench relay")
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--octets", type=int, default=10_000)
    parser.add_argument("--url", help="of an empty PostgreSQL database; without it, it is SQLite")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "data", hostname="mx.example.org", url=given.url)
        prepare(store)
        _measure_rate(store, given.messages, given.octets, Path(folder), is_signed=False)
        domain = Domain(id="dbench", name="example.org")
        keys = [new_key(RSA_SHA256), new_key(ED25519_SHA256)]
        store.write(lambda tx: add_keys(tx, domain, keys, ACTIVE))
        _measure_rate(store, given.messages, given.octets, Path(folder), is_signed=True)
        store.close()
    return 0


def prepare(store: Store) -> None:
    """Make the account whose mail it is, and its domain."""
    store.write(lambda tx: tx.add_account(ACCOUNT))
    store.write(lambda tx: tx.write(DOMAIN, DIRECTORY, None, Domain(id="dbench", name="example.org")))


def fill(store: Store, count: int, octets: int, domain: str = "two.test") -> None:
    """Queue messages: nine of ten to one domain, the others to a thousand."""
    body = _LINE * (octets // len(_LINE))
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))

        def put(tx: Transaction, numbers: range = numbers) -> None:
            for n in numbers:
                enqueue(
                    tx,
                    Outgoing(
                        account=ACCOUNT,
                        data=_HEAD % (n, n) + body,
                        mail_from=Address("ann@example.org"),
                        recipients=[Address(f"u{n}@{domain if n % 10 else f'd{n % 1000}.test'}")],
                    ),
                )

        store.write(put)


@contextlib.contextmanager
def sink(folder: Path) -> Iterator[int]:
    """Postfix's smtp-sink at a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin") or "smtp-sink"
    own = ["-u", getpass.getuser()] if os.geteuid() == 0 else []  # it does not want to be root by mistake
    process = subprocess.Popen([command, *own, f"127.0.0.1:{port}", "100"], cwd=folder)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


def send_all(store: Store, folder: Path, port: int, throttles: tuple[str, ...] = ()) -> None:
    """Send what is queued to a server on loopback, which is that of all domains: mail goes where it was queued for."""
    zone = folder / "bench.zone"
    names = ["two", *(f"d{n}" for n in range(1000))]
    lines = ["$ORIGIN test.", "$TTL 3600", "@ IN SOA ns h 1 2 3 4 5", "mx IN A 127.0.0.1"]
    zone.write_text("\n".join([*lines, *(f"{name} IN MX 1 mx" for name in names), ""]))
    relay = Relay(port=port, allowed_networks=("127.0.0.0/8",), throttles=throttles)
    dns = Dns(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    settings = Settings(data=folder, hostname="mx.example.org", relay=relay, dns=dns)

    async def run() -> None:
        bridge, resolver = bridge_to(store), resolver_of(settings.dns)
        worker = relay_worker(settings, bridge, resolver)
        await worker.drain()
        await worker.stop()
        await bridge.close()
        await resolver.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def _measure_rate(store: Store, count: int, octets: int, folder: Path, *, is_signed: bool) -> None:
    fill(store, count, octets)
    with sink(folder) as port:
        began, used = time.perf_counter(), time.process_time()
        send_all(store, folder, port)
        seconds, used = time.perf_counter() - began, time.process_time() - used
    left = store.read(lambda view: view.db.row("SELECT COUNT(*) FROM outbox"))
    print(
        f"{'signed twice' if is_signed else 'unsigned'}: {count / seconds:.0f} messages/s of {octets} octets,"
        f" {1000 * used / count:.2f} ms of processor each, {left and left[0]} left,"
        f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most"
    )
