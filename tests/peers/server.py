"""A real `pillarbox serve` at the usual ports of a namespace."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.peers.network import OWN, Namespace

SECONDS = 40.0
_PILLARBOX = [sys.executable, "-c", "from pillarbox.app.cli import main; main()"]


class StartFailed(AssertionError):
    """The server did not become ready."""


class PeerServer:
    """The server of one domain: its host is mx.DOMAIN."""

    def __init__(self, folder: Path, domain: str, place: Namespace, authority: Path, url: str = "") -> None:
        """`url` is of a database of PostgreSQL; without it, the store is in the folder."""
        folder.mkdir()
        self._storage = f"storage.url = {json.dumps(url)}" if url else ""
        self.folder, self.domain, self.place = folder, domain, place
        self.hostname = f"mx.{domain}"
        self.certificate = folder / "certificate.pem"
        self._authority = authority
        self.config, self.log = folder / "pillarbox.toml", folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.session_url = f"https://{place.address}/jmap/session"

    def configure(self, dns: str) -> None:
        """Write the settings; `dns` is what belongs into the section of that name."""
        self.config.write_text(
            f"""
data = {json.dumps(str(self.folder / "data"))}
hostname = "{self.hostname}"
workers = 1
stop_seconds = 2
http.listen = []
http.tls_listen = ["0.0.0.0:443", "[::]:443"]
http.public_url = "https://{self.hostname}"
lmtp.listen = []
imap.tls_listen = ["0.0.0.0:993"]
smtp.listen = ["0.0.0.0:25", "[::]:25"]
submission.tls_listen = ["0.0.0.0:465"]
submission.listen = ["0.0.0.0:587"]
tls.certificates = [{json.dumps(str(self.certificate))}]
outbound.ca_file = {json.dumps(str(self._authority))}
outbound.allowed_networks = ["10.99.0.0/24", "fd99::/64"]
relay.allowed_networks = ["10.99.0.0/24", "fd99::/64"]
log.level = "debug"
reports.dmarc_failure = true
{self._storage}
[dns]
{dns}
"""
        )

    def run(self, *arguments: str) -> str:
        """A command of `pillarbox`; what it prints."""
        command = [*self.place.enter, *_PILLARBOX, *arguments, "-c", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def start(self) -> None:
        """Start, and wait until it says that it is ready. Raises StartFailed."""
        with self.log.open("ab") as log:
            began = log.tell()
            command = [*self.place.enter, *_PILLARBOX, "serve", "-c", str(self.config)]
            self._process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + SECONDS
        while b"server.ready" not in self.log.read_bytes()[began:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(self.log.read_text()[-3000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop as an administrator does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(SECONDS)
            self._process = None

    def records(self) -> list[str]:
        """What `pillarbox dns records` says that the domain needs, once there are keys to sign with."""
        deadline = time.monotonic() + SECONDS
        while True:
            addresses = ("--address", self.place.address, "--address", self.place.address6)
            found = self.run("dns", "records", self.domain, *addresses).splitlines()
            if sum("v=DKIM1" in line for line in found) >= 2:  # RSA and Ed25519
                return [line for line in found if not line.startswith(";")]
            assert time.monotonic() < deadline, "no keys were made"
            time.sleep(0.5)


DNS_BY_PACKETS = f'servers = ["{OWN}:53"]\ntrust_ad = "always"'
