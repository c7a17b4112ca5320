"""A network of its own for a few servers: a namespace for each, all on one bridge. Nothing of it reaches the machine's.

Needs root, and the programs ip, nsenter and unshare. Everything vanishes with the processes that hold it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OWN = "10.99.0.3"  # this process's address: the DNS, policy hosts, and whoever stands in the way
_INSIDE = "PILLARBOX_PEERS_INSIDE"


def hindrance() -> str | None:
    """Why there can be no such network here; None when there can."""
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    missing = [name for name in ("ip", "nsenter", "unshare") if shutil.which(name) is None]
    if missing:
        return f"needs the programs {', '.join(missing)} (Debian: iproute2, util-linux)"
    tried = subprocess.run(
        ["unshare", "--net", "sh", "-c", "ip link add pb0 type bridge && ip link add v0 type veth peer name v1"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces can be made here: {tried.stderr.strip()}" if tried.returncode else None


def move_in(module: str) -> None:
    """Start this program again in a namespace of its own; return there only."""
    if os.environ.get(_INSIDE) == "1":
        _ip("link set lo up")
        _ip("link add pb0 type bridge")
        _ip(f"address add {OWN}/24 dev pb0")
        _ip("-6 address add fd99::3/64 dev pb0 nodad")
        _ip("link set pb0 up")
        return
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-m", module, *sys.argv[1:]])  # noqa: S606


class Namespace:
    """A namespace with one address of IPv4 and one of IPv6, on the bridge."""

    def __init__(self, number: int) -> None:
        self.address, self.address6 = f"10.99.0.{number}", f"fd99::{number}"
        # Whoever sits in it holds it; it goes when its standard input is closed.
        self._holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        pid = self._holder.pid
        self.enter = ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{pid}/ns/net").readlink() == own:
            os.sched_yield()
        _ip(f"link add v{number} type veth peer name eth0 netns {pid}")
        _ip(f"link set v{number} master pb0 up")
        for command in (
            "link set lo up",
            f"address add {self.address}/24 dev eth0",
            f"-6 address add {self.address6}/64 dev eth0 nodad",
            "link set eth0 up",
        ):
            subprocess.run([*self.enter, "ip", *command.split()], check=True)

    def close(self) -> None:
        """Leave it."""
        self._holder.communicate()


def _ip(arguments: str) -> None:
    subprocess.run(["ip", *arguments.split()], check=True)
