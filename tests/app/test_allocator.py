"""Threads share the heap of a process, unless who runs it has decided otherwise."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, re, sys, tempfile, threading
from pillarbox.app.allocator import keep_one_heap

told = keep_one_heap() if sys.argv[1] == "told" else None
library = ctypes.CDLL(None)
library.malloc.restype = library.fopen.restype = ctypes.c_void_p
gate = threading.Barrier(4)

def take():
    gate.wait()  # all are there at once, so that none takes over the heap of one that ended
    library.free(ctypes.c_void_p(library.malloc(ctypes.c_size_t(100_000))))
    gate.wait()

threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with tempfile.NamedTemporaryFile() as file:
    stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
    library.malloc_info(0, stream)
    library.fclose(stream)
    print(told, len(re.findall(rb"<heap nr=", file.read())))
"""


def heaps(word: str, **environment: str) -> list[str]:
    """What was told, and how many heaps four threads had."""
    kept = {name: value for name, value in os.environ.items() if name not in {"MALLOC_ARENA_MAX", "GLIBC_TUNABLES"}}
    command = [sys.executable, "-c", _PROGRAM, word]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=30, check=True, env={**kept, **environment}
    )
    return done.stdout.split()


pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="needs glibc")


def test_threads_share_one_heap_once_the_allocator_is_told() -> None:
    assert int(heaps("untold")[1]) > 1
    assert heaps("told") == ["True", "1"]


def test_what_the_environment_says_of_heaps_stands() -> None:
    told, count = heaps("told", MALLOC_ARENA_MAX="3")
    assert told == "False"
    assert 1 < int(count) <= 3
    assert heaps("told", GLIBC_TUNABLES="glibc.malloc.arena_max=1") == ["False", "1"]


def test_what_is_free_in_the_middle_of_a_heap_is_given_back() -> None:
    program = """
from pillarbox.app.allocator import give_back, keep_one_heap
from pillarbox.workers.sample import resident_octets

keep_one_heap()
kept = [bytes(1_000) for _ in range(60_000)]
del kept[:-10]
before = resident_octets()
give_back()
print(before - resident_octets())
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    assert int(done.stdout) > 40_000_000
