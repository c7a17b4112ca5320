"""Ports for servers that have to be told theirs before they start.

A port that the system has given, and taken back, may be given to the next connection of anybody before the server has
it. These are below those that the system gives away, and each is locked for as long as the process lives that asked.
"""

import fcntl
import os
import tempfile
from io import FileIO
from pathlib import Path

from tools.demo_process import is_free

_FIRST, _LAST = 10_000, 17_999
_locks: list[FileIO] = []


def free_port() -> int:
    """A port of loopback on which nobody listens, and that no other test is given."""
    folder = Path(tempfile.gettempdir()) / f"pillarbox-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    count = _LAST - _FIRST + 1
    start = os.getpid() * 97 % count  # processes seldom ask for the same
    for at in range(len(_locks), len(_locks) + count):
        port = _FIRST + (start + at) % count
        if _lock(folder / str(port)) and is_free(port):
            return port
    raise AssertionError("no port is free")


def _lock(path: Path) -> bool:
    file = FileIO(path, "a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _locks.append(file)
    return True
