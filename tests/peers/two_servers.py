"""`python -m tests.peers.two_servers`: two Pillarbox servers in two network namespaces write to each other.

Mail goes by the ports, the DNS, DANE and MTA-STS as it would between strangers. The report quotes what they say.
"""

from __future__ import annotations

import argparse
import contextlib
import ssl
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import trustme

from tests.peers import network
from tests.peers.dane_peer import DanePeer
from tests.peers.postfix import hindrance as postfix_hindrance
from tests.peers.server import DNS_BY_PACKETS, PeerServer
from tests.peers.turns import HONEST, HOSTILE, OTHERS, Stage, Turn
from tests.peers.user import PASSWORD, User
from tests.peers.world import RUF, World, odd_records, write_zones
from tests.support.postgres_server import Server as PostgresServer


def main() -> int:
    """Run all turns; how many failed."""
    parser = argparse.ArgumentParser(description="Let two servers write to each other.")
    parser.add_argument("--only", default="", help="turns whose name holds this")
    parser.add_argument("--keep", type=Path, help="a new folder for data and logs, which stays")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite", help="both stores are in it")
    given = parser.parse_args()
    if (reason := network.hindrance()) is not None:
        print(f"skipped: {reason}")
        return 0
    network.move_in("tests.peers.two_servers")
    with (
        tempfile.TemporaryDirectory(prefix="pillarbox-peers-") as folder,
        _databases(is_wanted=given.engine == "postgresql") as urls,
    ):
        if given.keep is not None:
            given.keep.mkdir()
        return _run(given.keep or Path(folder), given.only, urls)


@contextlib.contextmanager
def _databases(*, is_wanted: bool) -> Iterator[tuple[str, str]]:
    """A database for each server, reached by a socket of the file system, which namespaces of networks share."""
    if not is_wanted:
        yield "", ""
        return
    server = PostgresServer(fsync="on", full_page_writes="on")
    try:
        yield server.new(), server.new()
    finally:
        server.stop()


def _run(folder: Path, only: str, urls: tuple[str, str]) -> int:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    world = World(authority)
    places = network.Namespace(1), network.Namespace(2)
    one, two = (
        PeerServer(folder / name, f"{name}.test", place, folder / "authority.pem", url)
        for name, place, url in zip(("one", "two"), places, urls, strict=True)
    )
    try:
        reason = postfix_hindrance()
        dane = DanePeer(authority) if reason is None else None
        zones = _set_up(folder, authority, one, two, dane.records() if dane is not None else [])
        world.serve_dns(zones)
        stage = _open(authority, one, two, world, DNS_BY_PACKETS)
        failed = _play("The DNS by packets", [*HONEST, *HOSTILE], stage, only)
        if dane is not None:
            with dane.running():
                stage.dane = dane
                failed += _play("A Postfix that knows DANE", OTHERS, stage, only)
        else:
            print(f"\nno turns with Postfix: {reason}")
        one.stop()
        two.stop()
        files = ", ".join(f'"secure:{path}"' for path in zones)
        stage = _open(authority, one, two, world, f"zone_files = [{files}]")
        failed += _play("The DNS out of zone files", HONEST, stage, only)
    finally:
        for server, place in zip((one, two), places, strict=True):
            server.stop()
            place.close()
    print(f"\n{failed} turns failed" if failed else "\nall turns passed")
    return failed


def _set_up(folder: Path, authority: trustme.CA, one: PeerServer, two: PeerServer, records: list[str]) -> list[Path]:
    """Domains, accounts, certificates; the zones, of what the servers say that they need, and of other records."""
    for server in (one, two):
        names = server.hostname, f"mta-sts.{server.domain}", server.place.address
        made = authority.issue_cert(*names, key_type=trustme.KeyType.ECDSA)
        server.certificate.write_bytes(made.private_key_and_cert_chain_pem.bytes())
        server.configure(DNS_BY_PACKETS)
    one.run("domain", "add", "one.test")
    two.run("domain", "add", "two.test", "--mta-sts", "enforce")
    for domain in ("testing.test", "plain.test"):
        two.run("domain", "add", domain, "--alias-of", "two.test")
    for server, address in ((one, "ann@one.test"), (one, "carl@one.test"), (two, "bob@two.test")):
        server.run("account", "add", address, "--password", PASSWORD)
    two.run("alias", "add", "forward@two.test", "carl@one.test")
    two.run("alias", "add", "gone@two.test", "nobody@one.test")
    one.run("alias", "add", "round@one.test", "round@two.test")
    two.run("alias", "add", "round@two.test", "round@one.test")
    records = odd_records() + records
    one.run("alias", "add", "postmaster@one.test", "ann@one.test")
    for server in (one, two):
        server.start()
    for server in (one, two):
        records += server.records()
        server.stop()
    # one.test wants to hear of each message in its name that fails.
    records = [
        line.replace("v=DMARC1; ", f"v=DMARC1; {RUF}", 1) if "_dmarc.one.test" in line else line for line in records
    ]
    # two.test goes without DANE, so that MTA-STS has something to say.
    return write_zones(folder / "zones", [line for line in records if not line.startswith("_25._tcp.mx.two.test.")])


def _open(authority: trustme.CA, one: PeerServer, two: PeerServer, world: World, dns: str) -> Stage:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(tls)
    for server in (one, two):
        server.configure(dns)
        server.start()
    return Stage(User(one, "ann@one.test", tls), User(two, "bob@two.test", tls), world)


def _play(title: str, turns: Iterable[Turn], stage: Stage, only: str) -> int:
    print(f"\n{title}")
    failed = 0
    for turn in turns:
        name = turn.__name__.replace("_", " ")
        if only not in name:
            continue
        try:
            lines = turn(stage)
        except Exception:  # noqa: BLE001 -- the other turns are worth seeing too
            failed += 1
            print(f"\nFAILED {name}\n{traceback.format_exc()}", flush=True)
        else:
            print(f"\nok {name}", *(f"   {line}" for line in lines), sep="\n", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
