"""A page of the documentation that a tool writes, or only compares in CI."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def settle(path: Path, text: str, *, check: bool) -> bool:
    """Write `text` to `path`, or with `check` only say whether it stands there already.

    Returns False, and says on standard error what to do, if the page is stale.
    """
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return True
    if check:
        print(f"{path}: stale; `just docs` writes it anew", file=sys.stderr)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path}: written")
    return True
