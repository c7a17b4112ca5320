"""A proxy on loopback that cuts connections in the middle of what the server says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class CuttingProxy:
    """Passes octets on; the n-th connection is cut after as many octets from the server as `cuts` says."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._target = ("127.0.0.1", port)
        self._cuts = cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            limit = self._cuts[self.connections] if self.connections < len(self._cuts) else None
            self.connections += 1
            threading.Thread(target=_carry, args=(client, self._target, limit), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


def _carry(client: socket.socket, target: tuple[str, int], limit: int | None) -> None:
    with client, socket.create_connection(target) as server:
        forth = threading.Thread(target=_pass, args=(client, server, None), daemon=True)
        forth.start()
        _pass(server, client, limit)
        forth.join()


def _pass(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    left = limit
    with contextlib.suppress(OSError):
        while data := source.recv(4096 if left is None else min(4096, max(1, left))):
            target.sendall(data)
            if left is not None and (left := left - len(data)) <= 0:
                break
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting(port: int, cuts: list[int]) -> Iterator[CuttingProxy]:
    """A proxy before the server on this port."""
    proxy = CuttingProxy(port, cuts)
    try:
        yield proxy
    finally:
        proxy.close()
