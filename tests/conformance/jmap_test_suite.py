"""Runs jmap-test-suite against a demo server of its own and writes docs/reference/conformance.md.

The suite is somebody else's program and not part of this checkout: a built copy is named by `--suite` or
JMAP_TEST_SUITE. It needs Node.js 20 or later.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import score
from tools.demo_process import DemoFailed, DemoProcess, User
from tools.page import ROOT

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "expected_failures.toml"
PAGE = ROOT / "docs" / "reference" / "conformance.md"
IMAP_PAGE = PAGE.with_name("conformance-imap.md")
LOOPBACK_ONLY = HERE / "loopback_only.mjs"

# Made for a run. The names are chosen: the suite compares sort orders by ICU, where "@" stands before digits, while
# i;unicode-casemap has it after them, so "name2@" beside the suite's own "name@" would disagree (email/sort-to).
PRIMARY = User("primary@example.org", "Primary-of-the-suite-1")
SECONDARY = User("secondary@example.org", "Secondary-of-the-suite-1")
# The second account of the primary user: without one the tests of /copy are skipped.
SHARED = "shared@example.org"

HOW_TO_GET_IT = """jmap-test-suite is not there. Get and build it once, then say where it is:
    git clone https://github.com/jmapio/jmap-test-suite
    cd jmap-test-suite && npm install && npm run build
    JMAP_TEST_SUITE=$PWD just conformance"""


class CannotRun(Exception):
    """The suite could not be run; the text is for the person who asked."""


@dataclass(frozen=True)
class Server:
    """What the suite is pointed at: two users of a JMAP server."""

    session_url: str
    primary: User
    secondary: User


@dataclass(frozen=True)
class Suite:
    """A built checkout of the suite."""

    path: Path
    version: str

    @classmethod
    def at(cls, place: str | None) -> "Suite":
        """Find the suite. Raises CannotRun, with how to get it, if it is not there or not built."""
        path = Path(place).resolve() if place else None
        if path is None or not (path / "package.json").is_file() or not (path / "dist" / "cli.js").is_file():
            raise CannotRun(HOW_TO_GET_IT)
        version: str = json.loads((path / "package.json").read_text(encoding="utf-8"))["version"]
        commit = output_of(["git", "-C", str(path), "rev-parse", "--short=12", "HEAD"])
        return cls(path, f"{version} ({commit})" if commit else version)


def main(arguments: list[str] | None = None) -> int:
    """Run the suite; the exit code is 1 for failures that nobody expects, 2 if it could not be run."""
    options = parse(arguments)
    try:
        suite = Suite.at(options.suite)
        expected = score.read_expected(EXPECTED.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory(prefix="pillarbox-conformance-") as folder, server(options, folder) as target:
            report = run(suite, target, Path(folder), options)
    except (CannotRun, DemoFailed) as error:
        say(str(error))
        return 2
    result = score.Run.from_report(report, suite_version=suite.version, server_version=server_version())
    if page := options.page or (None if options.filter or options.session_url else PAGE):
        page.parent.mkdir(parents=True, exist_ok=True)
        text = score.with_imap(score.page(result, expected), IMAP_PAGE.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
        say(f"{page}: written")
    found = score.complaints(result, expected, whole=not options.filter)
    say("\n".join(found) or "no failure that is not explained")
    return 1 if found else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="just conformance", description=__doc__.partition("\n")[0])
    suite = os.environ.get("JMAP_TEST_SUITE")
    parser.add_argument("--suite", default=suite, help="a built checkout of the suite (else JMAP_TEST_SUITE)")
    parser.add_argument("--filter", help="only tests whose ids match, as 'email/query*,core/*'")
    parser.add_argument("--report", type=Path, help="keep the suite's JSON report here")
    parser.add_argument("--page", type=Path, help="the page to write (else the reference, after a whole run on a demo)")
    parser.add_argument("--port-base", type=int, help="first port of the demo (else free ones)")
    parser.add_argument("--network", action="store_true", help="let the suite use its push relay on the internet")
    parser.add_argument("--verbose", action="store_true", help="print the requests and answers")
    parser.add_argument("--session-url", help="test this running server instead of a demo")
    parser.add_argument("--primary", type=user, default=PRIMARY, help="NAME:PASSWORD, with --session-url")
    parser.add_argument("--secondary", type=user, default=SECONDARY, help="NAME:PASSWORD, with --session-url")
    return parser.parse_args(arguments)


def user(text: str) -> User:
    """Read NAME:PASSWORD."""
    name, _, password = text.partition(":")
    return User(name, password)


@contextlib.contextmanager
def server(options: argparse.Namespace, folder: str) -> Iterator[Server]:
    """The running server that was named, or a demo with two empty accounts for the time of the block."""
    if options.session_url:
        yield Server(options.session_url, options.primary, options.secondary)
        return
    with DemoProcess(Path(folder) / "data", port_base=options.port_base) as demo:
        for account in (PRIMARY, SECONDARY):
            demo.add_account(account)
        demo.add_group(SHARED, PRIMARY)
        yield Server(demo.ready.session_url, PRIMARY, SECONDARY)


def run(suite: Suite, target: Server, folder: Path, options: argparse.Namespace) -> str:
    """Run the suite and return its report. Raises CannotRun if there is none."""
    node = shutil.which("node")
    if node is None:
        raise CannotRun("Node.js is not there; the suite needs it (version 20 or later)")
    report = (options.report or folder / "report.json").resolve()
    command = [node, *([] if options.network else ["--import", str(LOOPBACK_ONLY)]), "dist/cli.js", "-f"]
    command += ["-c", str(write_config(target, folder)), "-o", str(report), "--fail-only"]
    command += [*(["--filter", options.filter] if options.filter else []), *(["--verbose"] if options.verbose else [])]
    report.unlink(missing_ok=True)
    ended = subprocess.run(command, cwd=suite.path, check=False)  # noqa: S603 -- the program that we were told to run
    if not report.is_file():
        raise CannotRun(f"the suite ended with {ended.returncode} and left no report")
    return report.read_text(encoding="utf-8")


def write_config(target: Server, folder: Path) -> Path:
    """Write the suite's configuration file."""
    path = folder / "config.json"
    users = {"primary": vars(target.primary), "secondary": vars(target.secondary)}
    config = {
        "sessionUrl": target.session_url,
        "serverInfo": f"Pillarbox {server_version()}",
        "users": {role: {"username": who["name"], "password": who["password"]} for role, who in users.items()},
        "authMethod": "basic",
        "timeout": 30000,
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def server_version() -> str:
    """The version of this checkout."""
    from pillarbox import __version__  # noqa: PLC0415 -- `--help` and the reading of scores do without it

    return __version__


def output_of(command: list[str]) -> str:
    """What a program prints, or nothing if it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 -- git
    except (OSError, subprocess.CalledProcessError):
        return ""


def say(text: str) -> None:
    """Print to standard error, where the suite talks too."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
