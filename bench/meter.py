"""What the server's processes use, read from /proc: CPU time, memory, octets written. Linux only."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
PSS = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)
WRITTEN = re.compile(r"^write_bytes: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """Used so far, by all processes of a tree and the children that they have waited for."""

    cpu_seconds: float
    written: int


class ProcessTree:
    """A process and its descendants."""

    def __init__(self, root: int) -> None:
        self.root = root

    def pids(self) -> list[int]:
        """The living processes of the tree."""
        children: dict[int, list[int]] = {}
        for entry in PROC.iterdir():
            if entry.name.isdigit() and (found := stat(int(entry.name))):
                children.setdefault(int(found[1]), []).append(int(entry.name))
        tree, pending = [], [self.root]
        while pending:
            pid = pending.pop()
            if (PROC / str(pid)).exists():
                tree.append(pid)
            pending += children.get(pid, [])
        return tree

    def use(self) -> Use:
        """CPU time and octets sent to the disk."""
        pids = self.pids()
        cpu = sum(sum(map(int, found[11:15])) for pid in pids if (found := stat(pid)))
        return Use(cpu / TICKS, sum(number(pid, "io", WRITTEN) for pid in pids))

    def pss_mb(self) -> float:
        """Proportional set size in MB: memory that processes share counts once."""
        return sum(number(pid, "smaps_rollup", PSS) for pid in self.pids()) / 1024

    def settle(self, limit: float = 30.0) -> None:
        """Wait until the tree has been idle for half a second, at most `limit` seconds."""
        end, before, quiet = time.monotonic() + limit, self.use().cpu_seconds, 0
        while quiet < 2 and time.monotonic() < end:
            time.sleep(0.25)
            now = self.use().cpu_seconds
            quiet = quiet + 1 if now - before <= 1 / TICKS else 0
            before = now


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, so [0] is the state; empty if the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def number(pid: int, file: str, pattern: re.Pattern[str]) -> int:
    """A number from a file of a process; 0 if it is gone or not ours to read."""
    try:
        found = pattern.search((PROC / str(pid) / file).read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def busy_seconds() -> float:
    """Seconds that the cores of the whole machine have worked since its start."""
    fields = [int(word) for word in (PROC / "stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4] - fields[7]) / TICKS
