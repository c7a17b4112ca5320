"""Writes docs/reference/cli.md and docs/reference/configuration.md from what the program says of itself."""

import argparse
import sys
from pathlib import Path

import click

from tools import program
from tools.page import ROOT, settle

REFERENCE = ROOT / "docs" / "reference"

COMMANDS = """\
# Commands

<!-- Written by tools/cli_reference.py; `just docs` writes it anew. -->

What `pillarbox` and each of its commands say when called with `--help`.
"""

SETTINGS = """\
# Configuration

<!-- Written by tools/cli_reference.py; `just docs` writes it anew. -->

What `pillarbox config reference` says: every setting with its type, its default and its meaning.
"""


def pages(top: click.Command | None) -> dict[Path, str]:
    """The pages that can be made of the commands that there are."""
    if top is None:
        return {}
    made = {REFERENCE / "cli.md": COMMANDS + "".join(section(context) for context in program.contexts(top))}
    if any(context.command_path == "pillarbox config reference" for context in program.contexts(top)):
        made[REFERENCE / "configuration.md"] = (
            SETTINGS + "\n" + program.output(top, "config", "reference").strip() + "\n"
        )
    return made


def section(context: click.Context) -> str:
    """One command: a heading and its help, as it would be printed."""
    text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"\n## {context.command_path}\n\n```text\n{text}\n```\n"


def main() -> int:
    """Write the pages, or with --check compare them; the exit code is 1 if one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    arguments = parser.parse_args()
    settled = [settle(path, text, check=arguments.check) for path, text in pages(program.command()).items()]
    return 0 if all(settled) else 1


if __name__ == "__main__":
    sys.exit(main())
