"""Writes the tables of docs/reference/logs.md and docs/reference/metrics.md from what the program declares."""

import argparse
import importlib
import logging
import pkgutil
import sys
from pathlib import Path

import pillarbox
from pillarbox.core.event import EVENTS
from pillarbox.core.metric import REGISTRY
from pillarbox.workers.observed import ONCE
from tools.page import ROOT, settle

REFERENCE = ROOT / "docs" / "reference"
MARK = "<!-- The table is written by tools/log_reference.py; `just docs` writes it anew. -->\n"


def import_all() -> None:
    """Import every module of the program, so that all that it declares is known."""
    for module in pkgutil.walk_packages(pillarbox.__path__, "pillarbox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def events() -> str:
    """The events by name."""
    lines = ["| Event | Level | It says | Its own fields |", "|---|---|---|---|"]
    for event in sorted(EVENTS.values(), key=lambda e: e.name):
        fields = [*event.fields, *(["suppressed"] if event.per_minute else [])]
        limit = f" At most {event.per_minute} lines a minute." if event.per_minute else ""
        level = logging.getLevelName(event.level).lower()
        told = ", ".join(f"`{field}`" for field in fields)
        lines.append(f"| `{event.name}` | {level} | {event.says[0].upper()}{event.says[1:]}.{limit} | {told} |")
    return "\n".join(lines) + "\n"


def metrics() -> str:
    """The instruments by name."""
    lines = ["| Name | Kind | It says | Labels |", "|---|---|---|---|"]
    for instrument in sorted([*REGISTRY.instruments.values(), *ONCE.instruments.values()], key=lambda i: i.name):
        labels = ", ".join(f"`{label}`" for label in instrument.labels)
        lines.append(f"| `{instrument.name}` | {instrument.kind} | {instrument.says} | {labels} |")
    return "\n".join(lines) + "\n"


def page(path: Path, table: str) -> str:
    """The page with this table in the place of what stands after the mark, up to the next heading."""
    head, mark, rest = path.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{path}: the line that marks the table's place is missing")
    _, heading, tail = rest.partition("\n## ")
    return f"{head}{mark}\n{table}{heading}{tail}"


def main() -> int:
    """Write the tables, or with --check compare them; the exit code is 1 if one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    arguments = parser.parse_args()
    import_all()
    tables = {"logs.md": events(), "metrics.md": metrics()}
    pages = {REFERENCE / name: page(REFERENCE / name, table) for name, table in tables.items()}
    settled = [settle(path, text, check=arguments.check) for path, text in pages.items()]
    return 0 if all(settled) else 1


if __name__ == "__main__":
    sys.exit(main())
