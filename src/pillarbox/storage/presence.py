"""Who has a store open, and whether the machine went down while somebody had.

A commit is seen by readers about a millisecond before it is on stable storage, and only then acknowledged. When the
machine loses its power in that millisecond, a client may have read what is gone; `EmbeddedStore` then begins a new
epoch. A process that is killed loses nothing: what it wrote is the operating system's already.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from pillarbox.storage.database import StoreError

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = 64  # octets: within one sector, which a disk writes whole or not at all
_OPEN, _CLOSED, _DOUBTED = "open", "closed", "doubted"


def boot_id() -> str:
    """What tells this run of the machine from others, at most 50 octets; empty where the system does not say."""
    try:
        return _BOOT.read_text("ascii").strip()[:50]
    except OSError:
        return ""


class Presence:
    """One opener of a store.

    The file `open` says in which run of the machine the store was opened; whoever has it open holds a lock on it.
    """

    def __init__(self, folder: Path, boot: str | None = None) -> None:
        self._boot = boot_id() if boot is None else boot
        self._file = os.open(folder / "open", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def begin(self) -> bool:
        """Note that the store is open. True when the machine went down, or may have, while it was last open.

        Nothing is noted then before `recovered`: if that does not come, the next to open is told the same. Raises
        StoreError when the disk has failed somebody and others have the store open still.
        """
        alone = self._lock_alone()
        if not alone:
            fcntl.flock(self._file, fcntl.LOCK_SH)
        boot, state = self._read()
        if state == _DOUBTED and not alone:
            raise StoreError("the disk failed while the store was open: all processes that use it have to end")
        if state == _DOUBTED or (alone and state == _OPEN and (boot != self._boot or not boot)):
            return True
        if (boot, state) != (self._boot, _OPEN):
            self._write(_OPEN)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return False

    def recovered(self) -> None:
        """Note that what was lost is dealt with, on stable storage."""
        self._write(_OPEN)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def doubt(self) -> None:
        """Note that the disk may not have what readers saw. Never raises: it may be the same disk."""
        with contextlib.suppress(OSError):
            self._write(_DOUBTED)

    def end(self) -> None:
        """Close; the last to do so notes that nothing is open and all is on stable storage."""
        if self._file < 0:
            return
        try:
            if self._lock_alone() and self._read()[1] == _OPEN:
                self._write(_CLOSED)
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Close, and note nothing."""
        os.close(self._file)
        self._file = -1

    def _lock_alone(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _read(self) -> tuple[str, str]:
        """(run of the machine, state); both empty for a new store, doubted for what nobody wrote."""
        line = os.pread(self._file, _LENGTH, 0).decode("ascii", "replace")
        if not line:
            return "", ""
        boot, _, state = line.strip().rpartition(" ")
        return (boot, state) if state in (_OPEN, _CLOSED) else ("", _DOUBTED)

    def _write(self, state: str) -> None:
        os.pwrite(self._file, f"{self._boot} {state}\n".rjust(_LENGTH).encode("ascii"), 0)
        os.fdatasync(self._file)
