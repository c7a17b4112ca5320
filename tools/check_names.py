"""Fails when a module has a name that says nothing about what is in it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.page import ROOT

EMPTY_WORDS = frozenset(
    {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "base", "stuff"}
)


def nameless(source: Path) -> Iterator[Path]:
    """Find the modules and packages under `source` that are called by a word for anything."""
    for path in sorted(source.rglob("*.py")):
        words = path.parent.name if path.name == "__init__.py" else path.stem
        if EMPTY_WORDS & set(words.split("_")):
            yield path


def main() -> int:
    """Check src and tools; the exit code is 1 if a module has such a name."""
    found = [path.relative_to(ROOT) for folder in ("src", "tools") for path in nameless(ROOT / folder)]
    for path in found:
        print(f"{path}: name the module for what is in it")
    if not found:
        print("names: every module is named for what is in it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
