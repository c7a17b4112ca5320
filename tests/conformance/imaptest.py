"""imaptest's scripted tests against a demo server: each in an account of its own, and a page that tells the score.

imaptest is part of the Dovecot project (https://github.com/dovecot/imaptest) and has to be built by whoever wants this:
IMAPTEST names the program; its tests lie beside its source, or where IMAPTEST_TESTS says.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.score import with_imap
from tools.demo_process import DemoProcess, pillarbox_command

PAGE = Path("docs/reference/conformance-imap.md")
_OVERVIEW = PAGE.with_name("conformance.md")  # of all suites
_EXPECTED = Path(__file__).with_name("imaptest_expected.toml")
_SECONDS = 30
_SUMMARY = re.compile(r"(\d+) test groups: (\d+) failed, (\d+) skipped")
_WORDS = "passphrase-of-a-test"
_HELP = """imaptest is not there. Build it once, against the source of Dovecot 2.4, then say where it is:
    IMAPTEST=/path/to/imaptest/src/imaptest just conformance-imap"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test."""

    name: str
    verdict: str  # passed, failed, skipped
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests; 1 when one fails that is not expected to."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.imaptest", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these tests")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE}")
    options = parser.parse_args(arguments)
    program = os.environ.get("IMAPTEST")
    if not program or not Path(program).exists():
        print(_HELP)
        return 2
    scripts = Path(os.environ.get("IMAPTEST_TESTS") or Path(program).with_name("tests"))
    names = options.names or sorted(p.name for p in scripts.iterdir() if p.is_file() and p.suffix != ".mbox")
    outcomes = run(Path(program), scripts, names)
    reasons = tomllib.loads(_EXPECTED.read_text("utf-8"))
    for outcome in outcomes:
        print(f"{outcome.verdict:8}{outcome.name}")
        if outcome.verdict == "failed" and outcome.name not in reasons:
            print(outcome.output)
    if options.page:
        PAGE.write_text(page(outcomes, reasons), "utf-8")
        _OVERVIEW.write_text(with_imap(_OVERVIEW.read_text("utf-8"), PAGE.read_text("utf-8")), "utf-8")
        print(f"{PAGE}: written")
    unexplained = [o.name for o in outcomes if o.verdict == "failed" and o.name not in reasons]
    print(f"not explained: {', '.join(unexplained)}" if unexplained else "no failure that is not explained")
    return 1 if unexplained else 0


def run(program: Path, scripts: Path, names: Sequence[str]) -> list[Outcome]:
    """Each test in a folder and with two accounts of its own, on one server."""
    with tempfile.TemporaryDirectory(prefix="pillarbox-imaptest-") as made:
        folder = Path(made)
        with DemoProcess(folder / "data") as demo:
            return [_one(program, scripts, name, folder / f"t{at}", demo, at) for at, name in enumerate(names)]


def _one(program: Path, scripts: Path, name: str, folder: Path, demo: DemoProcess, at: int) -> Outcome:
    folder.mkdir()
    for wanted in (name, f"{name}.mbox", "default.mbox"):
        if (scripts / wanted).exists():
            shutil.copy(scripts / wanted, folder)
    users = [f"{letter}{at}@example.org" for letter in "ab"]
    for user in users:
        add = [*pillarbox_command(), "account", "add", user, "--password", _WORDS, "--data", str(demo.data)]
        subprocess.run(add, check=True, capture_output=True)  # noqa: S603 -- our own program
    host, port = demo.ready.imap
    command = [
        str(program), f"host={host}", f"port={port}", f"user={users[0]}", f"user2={users[1]}", f"pass={_WORDS}",
        f"mbox={folder / 'default.mbox'}", f"test={folder}",
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 -- the program that the caller named
            command, capture_output=True, text=True, timeout=_SECONDS, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, "failed", f"not done after {_SECONDS} s")
    output = done.stdout + done.stderr
    found = _SUMMARY.search(output)
    if found is None or int(found[2]):
        return Outcome(name, "failed", output)
    return Outcome(name, "skipped" if int(found[3]) else "passed", output)


def page(outcomes: Sequence[Outcome], reasons: dict[str, str]) -> str:
    """The page of the docs."""
    by = {verdict: [o.name for o in outcomes if o.verdict == verdict] for verdict in ("passed", "failed", "skipped")}
    lines = [
        "# Conformance of IMAP",
        "",
        "Written by `just conformance-imap --page`; do not edit.",
        "",
        (
            "The scripted tests of [imaptest](https://github.com/dovecot/imaptest), each in an account of its own:"
            f" **{len(by['passed'])} of {len(outcomes)} pass**, {len(by['failed'])} fail, {len(by['skipped'])} skipped"
            " for want of an extension."
        ),
        "",
        "## Failing",
        "",
        *[f"- `{name}`: {reasons.get(name, 'not explained')}" for name in by["failed"]],
        "",
        "## Skipped",
        "",
        *[f"- `{name}`" for name in by["skipped"]],
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
