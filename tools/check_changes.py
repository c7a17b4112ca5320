"""Fails when a fragment in changes/ would be left out of the changelog, or says nothing."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools.page import ROOT


def complaints(folder: Path, types: frozenset[str]) -> Iterator[str]:
    """Check the names and texts of all fragments: `+short-name.feature.md`, or an issue's number for the name."""
    name = re.compile(rf"(?:\+[a-z0-9]+(?:-[a-z0-9]+)*|\d+)\.(?:{'|'.join(sorted(types))})\.md")
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        if not name.fullmatch(path.name):
            yield f"{path.name}: fragments are called +short-name.TYPE.md, TYPE being one of {', '.join(sorted(types))}"
        elif not path.read_text(encoding="utf-8").strip():
            yield f"{path.name}: is empty"


def main() -> int:
    """Check the checkout; the exit code is 1 if a fragment is wrong."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    types = frozenset(kind["directory"] for kind in settings["tool"]["towncrier"]["type"])
    found = list(complaints(ROOT / "changes", types))
    print("\n".join(found) or "changes: every fragment will be in the changelog")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
