"""The DNS of two servers and of some domains where something is wrong, and what stands around them.

The records of the two are those that `pillarbox dns records` prints. one.test has TLSA records and so DANE; two.test
has an MTA-STS policy that it enforces, and no TLSA records.
"""

from __future__ import annotations

import asyncio
import http.server
import re
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trustme

from tests.peers.network import OWN
from tests.support.dns_server import Behaviour, from_zones, serving_dns, zone

_HEAD = "$TTL 60\n@ IN SOA ns.test. postmaster.test. 1 60 60 60 60\n@ IN NS ns.test.\n"
RUF = "ruf=mailto:postmaster@one.test; fo=0; "
_WRONG = "3 1 1 " + "00" * 32
# Domain: (its MX, the address of that, whether there is a TLSA record, its MTA-STS mode).
ODD = {
    "wrong-tlsa.test": ("mx.wrong-tlsa.test", "10.99.0.2", True, ""),
    "other-name.test": ("mx.other-name.test", "10.99.0.2", False, "enforce"),
    "testing.test": ("mx.testing.test", "10.99.0.2", False, "testing"),
    "stripped.test": ("mx.stripped.test", OWN, False, "enforce"),
    "plain.test": ("mx.plain.test", OWN, False, ""),
}


def odd_records() -> list[str]:
    """Records of the domains where something is wrong."""
    out = ["nullmx.test. IN MX 0 ."]
    for domain, (host, address, has_tlsa, mode) in ODD.items():
        out += [f"{domain}. IN MX 10 {host}.", f"{host}. IN A {address}"]
        if has_tlsa:
            out.append(f"_25._tcp.{host}. IN TLSA {_WRONG}")
        if mode:
            out += [f'_mta-sts.{domain}. IN TXT "v=STSv1; id=1"', f"mta-sts.{domain}. IN A {OWN}"]
    return out


def write_zones(folder: Path, records: Sequence[str]) -> list[Path]:
    """The zones test. and arpa. as files."""
    folder.mkdir(exist_ok=True)
    reverse = [line for line in records if re.match(r"\S+\.arpa\.\s", line)]
    forward = [line for line in records if line not in reverse]
    paths = []
    for name, lines in (("test.", forward), ("arpa.", reverse)):
        path = folder / f"{name}zone"
        path.write_text(f"$ORIGIN {name}\n{_HEAD}" + "\n".join(lines) + "\n")
        paths.append(path)
    return paths


class _Loop(threading.Thread):
    """An event loop for what is served here."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        self.loop.run_forever()


class World:
    """What is served at the third address: the DNS, the policies of odd domains, and a proxy that hides STARTTLS."""

    def __init__(self, authority: trustme.CA) -> None:
        self._loop = _Loop()
        self.asked: list[tuple[str, str, str]] = []
        self._serve_policies(authority)
        asyncio.run_coroutine_threadsafe(asyncio.start_server(_strip, OWN, 25), self._loop.loop).result(10)

    def serve_dns(self, paths: Sequence[Path]) -> None:
        """Answer for these zones, with answers that count as validated."""
        self._dns = serving_dns(_behaviour(paths), OWN, 53)
        server = asyncio.run_coroutine_threadsafe(self._dns.__aenter__(), self._loop.loop).result(10)
        self.asked = server.asked

    def _serve_policies(self, authority: trustme.CA) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*(f"mta-sts.{domain}" for domain in ODD)).configure_cert(context)
        server = http.server.ThreadingHTTPServer((OWN, 443), _PolicyHost)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _behaviour(paths: Sequence[Path]) -> Behaviour:
    return from_zones(*(zone(path.read_text(), is_secure=True) for path in paths))


class _PolicyHost(http.server.BaseHTTPRequestHandler):
    """RFC 8461 §3.3."""

    def do_GET(self) -> None:
        domain = str(self.headers["Host"]).removeprefix("mta-sts.")
        host, _, _, mode = ODD[domain]
        body = f"version: STSv1\nmode: {mode}\nmx: {host}\nmax_age: 86400\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


async def _strip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on to the second server, and take STARTTLS out of what it offers: the oldest attack on mail under way."""
    theirs, to_them = await asyncio.open_connection("10.99.0.2", 25)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while line := await source.readline():
                if line.rstrip() == b"250-STARTTLS":
                    continue
                sink.write(line)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.close()

    await asyncio.gather(carry(reader, to_them), carry(theirs, writer))
