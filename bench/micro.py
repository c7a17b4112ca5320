"""Times single functions on made-up mail: the scanner, what a listing needs of a message, the text for the index.

Each subject is named by its module and function, so that a missing one is reported and does not stop the others.
"""

import argparse
import gc
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.corpus import Corpus
from bench.result import markdown

Function = Callable[..., Any]


@dataclass(frozen=True)
class Subject:
    """A function under the clock: where it is, and what it is given for a message and its scanned structure."""

    name: str
    place: str  # "module:function"
    arguments: Callable[[bytes, Any], tuple[Any, ...]]

    def find(self) -> Function:
        """Import the function. Raises ImportError or AttributeError if it is not there."""
        module, _, function = self.place.partition(":")
        found: Function = getattr(importlib.import_module(module), function)
        return found


SCAN = Subject("scan", "pillarbox.formats.message.scan:scan", lambda octets, _: (octets,))
SUBJECTS = (
    SCAN,
    Subject("listing", "pillarbox.formats.message.listing:listing", lambda octets, structure: (octets, structure)),
    Subject(
        "index_text", "pillarbox.formats.message.index_text:index_text", lambda octets, structure: (octets, structure)
    ),
)


def read_mail(options: argparse.Namespace) -> list[bytes]:
    """Made-up messages, or the files below a directory."""
    if not options.directory:
        return list(Corpus(options.seed).messages(0, options.messages))
    files = sorted(path for path in options.directory.rglob("*") if path.is_file())
    return [path.read_bytes() for path in files[: options.messages]]


def clock(function: Function, calls: list[tuple[Any, ...]], rounds: int) -> list[float]:
    """Seconds of CPU for all calls, for each round, without the garbage collector."""
    found = []
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        start = time.process_time()
        for arguments in calls:
            function(*arguments)
        found.append(time.process_time() - start)
        gc.enable()
    return found


def measure(subject: Subject, mail: list[bytes], structures: list[Any], rounds: int) -> list[str]:
    """A row of the table: microseconds for a message (median and least), and MB a second."""
    calls = [subject.arguments(octets, structure) for octets, structure in zip(mail, structures, strict=True)]
    seconds = clock(subject.find(), calls, rounds)
    middle, least = statistics.median(seconds), min(seconds)
    rate = sum(map(len, mail)) / max(middle, 1e-9) / 1e6
    return [subject.name, f"{middle / len(mail) * 1e6:.1f}", f"{least / len(mail) * 1e6:.1f}", f"{rate:.1f}"]


def main(arguments: list[str] | None = None) -> int:
    """Time the subjects and print a table; the exit code is 1 if one is missing."""
    parser = argparse.ArgumentParser(prog="just bench micro", description=__doc__.partition("\n")[0])
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(subject.name for subject in SUBJECTS))
    parser.add_argument("--messages", type=int, default=1000, help="how many messages (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up mail (%(default)s)")
    parser.add_argument("--directory", type=Path, help="read messages from the files below this directory instead")
    options = parser.parse_args(arguments)
    mail, rows, missing = read_mail(options), [], 0
    try:
        structures = list(map(SCAN.find(), mail))
    except (ImportError, AttributeError):
        structures = [None] * len(mail)
    for subject in SUBJECTS:
        if options.subjects and subject.name not in options.subjects:
            continue
        try:
            rows.append(measure(subject, mail, structures, options.rounds))
        except (ImportError, AttributeError) as error:
            missing += 1
            print(f"{subject.name}: {subject.place} is not there ({error})", file=sys.stderr)
    print(markdown(["function", "us/message", "least", "MB/s"], rows))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
