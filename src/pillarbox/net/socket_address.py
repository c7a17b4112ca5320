"""Addresses to listen on, as text and as open sockets: HOST:PORT, [IPV6]:PORT, unix:/PATH."""

from __future__ import annotations

import contextlib
import socket
import stat
from pathlib import Path

_BACKLOG = 1024


def parse_socket_address(text: str) -> tuple[str, int] | Path:
    """(host, port), or a path for a unix socket. Raises ValueError that says what is allowed."""
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.is_absolute():
            raise ValueError(f"{text!r}: the path of a unix socket begins with /")
        return path
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [::1]:8080")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError(f"{text!r} is no address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/pillarbox.sock")
    return host, int(port)


def open_sockets(text: str) -> list[socket.socket]:
    """Bound sockets for an address: one, or one for each address that a host name has. Raises OSError."""
    address = parse_socket_address(text)
    if isinstance(address, Path):
        return [_open_unix(address)]
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, where in dict.fromkeys(found):
            opened.append(sock := socket.socket(family, kind, protocol))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(where)
            sock.settimeout(0)
    except OSError:
        for sock in opened:
            sock.close()
        raise
    return opened


def _open_unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        path.chmod(0o660)
        sock.settimeout(0)
    except OSError:
        sock.close()
        raise
    return sock


def _remove_stale(path: Path) -> None:
    """Remove a socket that a process left behind; one that still answers is somebody's."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """The URL of a bound TCP socket."""
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
