"""Ceph's S3 gateway on loopback: a monitor, one disk in memory and `radosgw`, from the system's packages.

Up in some 12 seconds, with 165 MB of memory. It is what many run in production, and unlike a server of the tests' own
kind it checks signatures and digests, keeps conditional writes apart and puts parts together on a real store.
"""

import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path

import boto3  # type: ignore[import-untyped]

from tests.support.free_port import free_port

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")
PACKAGES = "ceph-mon ceph-osd radosgw ceph-common"
_ADMIN = "client.admin"
_GATEWAY = "client.rgw.a"
_KEYS = (  # of which keyring, whose, what it may do
    ("mon.keyring", "mon.", "mon", "allow *"),
    ("keyring", _ADMIN, "mon", "allow *", "osd", "allow *", "mgr", "allow *"),
    ("keyring", "osd.0", "mon", "allow profile osd", "osd", "allow *"),
    ("keyring", _GATEWAY, "mon", "allow rw", "osd", "allow rwx"),
)
_SETTINGS = """
[global]
fsid = {id}
mon host = {monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
mon allow pool size one = true
rgw thread pool size = 32
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/log/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
keyring = {folder}/keyring
"""


class NoCeph(Exception):
    """Ceph's programs are not installed; the message says which are missing."""


class CephServer:
    """One gateway with one bucket. `stop` ends what was started and nothing else."""

    bucket, key_id, secret = "blobs", "pillarbox-tests", "pillarbox-secret"

    def __init__(self) -> None:
        if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
            raise NoCeph(f"{', '.join(missing)} not found: install {PACKAGES}")
        self.folder = Path(tempfile.mkdtemp(prefix="pillarbox-ceph-"))
        self._ports = free_port(), free_port(), free_port()  # a monitor's address has to be known before it starts
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._make_cluster()
            self.start_gateway()
            self._make_bucket()
        except BaseException:
            self.stop()
            raise

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports[2]}"

    def start_gateway(self) -> None:
        """Start the part that speaks S3, and wait until it listens."""
        place = f"--rgw_frontends=beast endpoint=127.0.0.1:{self._ports[2]}"
        process = self._start("radosgw", "-n", _GATEWAY, place)
        while not _listens(self._ports[2]):
            if process.poll() is not None:
                raise RuntimeError(f"radosgw ended with {process.returncode}")
            threading.Event().wait(0.1)

    def kill_gateway(self) -> None:
        """End it at once, as a crash does; what it had acknowledged is on the disk."""
        process = self._running.pop("radosgw")
        process.kill()
        process.wait()

    def stop(self) -> None:
        for name in ("radosgw", "ceph-osd", "ceph-mon"):
            if process := self._running.pop(name, None):
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        for name in ("run", "log", "mon", "osd"):
            (self.folder / name).mkdir()
        id = str(uuid.uuid4())
        monitor = f"[v2:127.0.0.1:{self._ports[0]},v1:127.0.0.1:{self._ports[1]}]"
        (self.folder / "ceph.conf").write_text(_SETTINGS.format(id=id, monitor=monitor, folder=self.folder))
        for ring, name, *rights in _KEYS:
            caps = [word for of, what in zip(rights[::2], rights[1::2], strict=True) for word in ("--cap", of, what)]
            create = [] if (self.folder / ring).exists() else ["-C"]
            self._run("ceph-authtool", *create, self._path(ring), "--gen-key", "-n", name, *caps)
        self._run("ceph-authtool", self._path("mon.keyring"), "--import-keyring", self._path("keyring"))
        self._run("monmaptool", "--create", "--addv", "a", monitor, "--fsid", id, self._path("monmap"))
        keyring = self._path("mon.keyring")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", self._path("monmap"), "--keyring", keyring)
        self._start("ceph-mon", "-i", "a")
        self._run("ceph", "osd", "create")
        self._run("ceph-osd", "-i", "0", "--mkfs")
        self._start("ceph-osd", "-i", "0")
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")

    def _make_bucket(self) -> None:
        keys = (f"--access-key={self.key_id}", f"--secret={self.secret}")
        self._run("radosgw-admin", "user", "create", "--uid=tests", "--display-name=tests", *keys)
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=self.bucket)
        client.close()

    def _path(self, name: str) -> str:
        return str(self.folder / name)

    def _run(self, program: str, *arguments: str) -> None:
        command = [program, "--conf", self._path("ceph.conf"), *arguments]
        if program in {"ceph-authtool", "monmaptool"}:  # they read no settings
            command = [program, *arguments]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603 -- the programs above
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a server that stays our child, so that it is ours to end."""
        command = [program, "--conf", self._path("ceph.conf"), "-f", *arguments]
        with (self.folder / "log" / f"{program}.out").open("ab") as out:
            self._running[program] = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 -- as before
        return self._running[program]


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
