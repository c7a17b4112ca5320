"""What all archive writers share: they close when their block ends, abort when it fails, and write over nothing."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from pillarbox.formats.archive.message import ArchiveError


class ClosingWriter(ABC):
    """A context manager that closes or aborts."""

    @abstractmethod
    def close(self) -> None:
        """Complete the archive."""

    @abstractmethod
    def abort(self) -> None:
        """Give up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


def make_empty_directory(path: Path) -> None:
    """Make a directory, or take an empty one. Raises ArchiveError if it is not empty, and OSError."""
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise ArchiveError(f"{path} is not empty")
