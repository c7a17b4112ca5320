"""The library that lets a disk fail: compiled here, told by a piece of memory what to do."""

import errno
import mmap
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

LIE = -1  # the error of a sync that succeeds and does nothing
ACTS = ("sync", "write", "rename", "open")
_ACT = struct.Struct("=6i")


def compiled(folder: Path) -> Path | None:
    """The library, or None when there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library, source = folder / "fault.so", Path(__file__).with_name("fault.c")
    subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Fault:
    """What happens to the files of one folder."""

    def __init__(self, library: Path, folder: Path, root: Path, *, log: bool = False) -> None:
        """`folder` is for what belongs to the fault itself, `root` for what fails."""
        path = folder / "control"
        path.write_bytes(bytes(_ACT.size * len(ACTS)))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self.log = folder / "disk.log" if log else None
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "FAULT_ROOT": str(root),
            "FAULT_CONTROL": str(path),
            **({"FAULT_LOG": str(self.log)} if self.log else {}),
        }

    def fail(self, act: str, error: int = errno.EIO, *, after: int = 0, permille: int = 1000) -> None:
        """Let an act fail, after so many that succeed, so often."""
        self._put(act, error, after, permille, 0)

    def delay(self, act: str, microseconds: int) -> None:
        """Let an act take its time."""
        self._put(act, 0, 0, 0, microseconds)

    def mend(self) -> None:
        """Let all be well."""
        self._memory[:] = bytes(len(self._memory))

    def failed(self, act: str) -> int:
        """How often it failed since it was told to."""
        return int(_ACT.unpack_from(self._memory, ACTS.index(act) * _ACT.size)[4])

    def _put(self, act: str, *values: int) -> None:
        _ACT.pack_into(self._memory, ACTS.index(act) * _ACT.size, *values, 0, 0)
