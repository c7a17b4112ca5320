"""An S3 server on loopback for tests, with a bucket: moto's or Ceph's; and a proxy before it that cuts connections."""

import atexit
import functools
import http.client
import logging
import os
import secrets
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import pytest

from pillarbox.storage.blob_s3 import S3Blobs
from pillarbox.storage.blob_url import BlobAccess, S3Place
from tests.support.ceph_server import CephServer, NoCeph

Direction = Literal["up", "down"]
KEY_ID, SECRET = "pillarbox-tests", "pillarbox-secret"


class S3Server:
    """Where a bucket is that a test may use."""

    def __init__(self, endpoint: str, bucket: str, key_id: str = KEY_ID, secret: str = SECRET) -> None:
        self.endpoint, self.bucket, self.key_id, self.secret = endpoint, bucket, key_id, secret

    def url(self, prefix: str = "") -> str:
        return f"s3://{self.bucket}/{prefix}?endpoint={self.endpoint}"

    def access(self, seconds: int = 20) -> BlobAccess:
        return BlobAccess(key_id=self.key_id, secret=self.secret, seconds=seconds)

    def blobs(self, endpoint: str | None = None, prefix: str | None = None, seconds: int = 20) -> S3Blobs:
        """A store under a prefix of its own."""
        prefix = secrets.token_hex(6) if prefix is None else prefix
        place = S3Place(bucket=self.bucket, prefix=prefix, endpoint=endpoint or self.endpoint)
        return S3Blobs(place, self.access(seconds), sleep=lambda _: None)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server with a bucket: moto in a thread, or what `TEST_S3` names (`ceph`, as in `just s3`, or an endpoint)."""
    wanted = os.environ.get("TEST_S3")
    if wanted == "ceph":
        yield S3Server(ceph().endpoint, CephServer.bucket, CephServer.key_id, CephServer.secret)
        return
    if wanted is not None:
        bucket, key_id, secret = (os.environ[f"TEST_S3_{name}"] for name in ("BUCKET", "KEY_ID", "SECRET"))
        yield S3Server(wanted, bucket, key_id, secret)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moto = pytest.importorskip("moto.server", reason="tests of S3 need moto[s3], flask and flask-cors")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        connection = http.client.HTTPConnection(host, port)
        connection.request("PUT", "/blobs")
        assert connection.getresponse().status == 200
        connection.close()
        yield S3Server(endpoint, "blobs")
    finally:
        server.stop()


@functools.cache
def ceph() -> CephServer:
    """The one gateway of this run, ended with it. Skips the test, and says why, where Ceph is not installed."""
    try:
        server = CephServer()
    except NoCeph as error:
        pytest.skip(str(error))
    atexit.register(server.stop)
    return server


class CuttingProxy:
    """Passes octets on, and cuts connections in the middle when told to."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.removeprefix("http://").partition(":")
        self._to = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._armed: list[tuple[Direction, int]] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.is_refusing = False
        self.at_cut: Callable[[], object] | None = None  # what else happens at that moment, once
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self, direction: Direction, after: int, times: int = 1) -> None:
        """Cut the connection on which these octets from now on pass, so many times."""
        with self._lock:
            self._armed += [(direction, after)] * times

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for end in self._open:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.is_refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(self._to)
            except OSError:
                client.close()
                continue
            self._open += [client, server]
            for source, sink, direction in ((client, server, "up"), (server, client, "down")):
                threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        with suppress(OSError):
            while data := source.recv(16_384):
                if (kept := self._pass(direction, len(data))) is not None:
                    sink.sendall(data[:kept])
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass(self, direction: Direction, count: int) -> int | None:
        """How many octets still pass before the cut; None when there is none."""
        with self._lock:
            if not self._armed or self._armed[0][0] != direction:
                return None
            left = self._armed[0][1]
            if left > count:
                self._armed[0] = (direction, left - count)
                return None
            self._armed.pop(0)
            self.cuts += 1
            if self.at_cut is not None:
                self.at_cut()
                self.at_cut = None
            return left


def tree(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(p for p in folder.rglob("*") if p.is_file())
