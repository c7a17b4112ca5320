"""The table behind the throttle, in memory that all processes of a server share, so that none has guesses of its own.

A lock of the kernel guards it, which a process that dies lets go; what it had half written is one entry's number.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import tempfile
import threading
from typing import NamedTuple, Self

_BUCKETS = 1_024  # for failures, and as many for successes: strangers' failures must not crowd these out
_ENTRIES = 8  # in a bucket; the one that was written first gives way
_ENTRY = struct.Struct("=QQQQ")  # the key's hash; then an Entry
_BUCKET = struct.Struct("=" + "QQQQ" * _ENTRIES)
SUCCESS = "s "  # how keys begin that say that somebody logged in
_MASK = (1 << 64) - 1


class Entry(NamedTuple):
    """What is known of a key; times in milliseconds since 1970."""

    times: int = 0
    last: int = 0
    until: int = 0


class FailureTable:
    """A bounded table; `with table:` holds its lock, and within it entries are read and written."""

    def __init__(self) -> None:
        """Make it before the fork."""
        self._memory = mmap.mmap(-1, 2 * _BUCKETS * _BUCKET.size)
        self._file, name = tempfile.mkstemp(prefix="pillarbox-")
        os.unlink(name)  # noqa: PTH108 -- it is wanted for its lock alone
        self._lock = threading.Lock()  # the kernel's lock is one for all threads of a process

    def __enter__(self) -> Self:
        self._lock.acquire()
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._lock.release()

    def get(self, key: str) -> Entry:
        """What is known of a key; an empty entry for nothing."""
        mark, start = _place(key)
        found = _BUCKET.unpack_from(self._memory, start)
        for at in range(0, len(found), 4):
            if found[at] == mark:
                return Entry(*found[at + 1 : at + 4])
        return Entry()

    def put(self, key: str, entry: Entry) -> None:
        """Write an entry over the key's last one, or else over the one that was written longest ago."""
        mark, start = _place(key)
        found = _BUCKET.unpack_from(self._memory, start)
        slots = range(0, len(found), 4)
        at = next((at for at in slots if found[at] == mark), None)
        if at is None:
            at = min(slots, key=lambda at: found[at + 2])
        _ENTRY.pack_into(self._memory, start + at // 4 * _ENTRY.size, mark, *entry)

    def __del__(self) -> None:
        os.close(self._file)


def _place(key: str) -> tuple[int, int]:
    """The key's hash, the same in all processes that come from one by forking, and its bucket."""
    mark = hash(key) & _MASK
    bucket = mark % _BUCKETS + (_BUCKETS if key.startswith(SUCCESS) else 0)
    return mark, bucket * _BUCKET.size
