"""The C library's allocator, told to take memory from one heap, and to give back what is large or left over.

glibc gives each thread a heap of its own, up to eight for each core. What the threads of a pool took and gave back
then stays with them: after hours of load, half of a process was memory that nobody used (docs/decisions).
"""

from __future__ import annotations

import ctypes
import os

# The parameters of mallopt(3), and what they are set to.
_ONE_HEAP = (-8, 1)  # M_ARENA_MAX
_LARGE = (-3, 1 << 20)  # M_MMAP_THRESHOLD, octets: a block like that is not part of a heap
_LEFT_OVER = (-1, 4 << 20)  # M_TRIM_THRESHOLD, octets: so much that is free at a heap's end is given back
_SAYS_SO = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


def keep_one_heap() -> bool:
    """Let all threads of this process, and of those that it forks, share a heap, unless the environment decides.

    Call it before there are threads. False where nothing was set: other C libraries than glibc have one heap anyhow.
    """
    if any(name in os.environ for name in _SAYS_SO):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    for parameter, value in (_ONE_HEAP, _LARGE, _LEFT_OVER):
        library.mallopt(parameter, value)
    return True


def give_back() -> None:
    """Give pages back that are free in the middle of a heap. Takes milliseconds, in which no thread gets memory."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
