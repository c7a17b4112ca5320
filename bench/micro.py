"""Times single functions on made-up mail: the scanner, what a listing needs of a message, DKIM."""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import signed_mail
from bench.corpus import Corpus
from bench.result import markdown
from pillarbox.formats.message.index_text import index_text
from pillarbox.formats.message.listing import listing
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Structure

Scanned = tuple[bytes, Structure]

SUBJECTS: Mapping[str, Callable[[bytes, Structure], object]] = {
    "scan": lambda octets, _: scan(octets),
    "listing": listing,
    "index_text": index_text,
    "dkim_sign": lambda octets, _: signed_mail.sign_message(octets),
    "dkim_sign_rsa": lambda octets, _: signed_mail.sign_by_rsa(octets),
    "dkim_hash": lambda octets, _: signed_mail.hash_message(octets),
    "dkim_verify": lambda octets, _: signed_mail.verify_message(octets),
    "arc_look": lambda octets, _: signed_mail.look_for_chain(octets),
}


def read_mail(options: argparse.Namespace) -> list[bytes]:
    """Made-up messages, or the files below a directory."""
    if not options.directory:
        return list(Corpus(options.seed).messages(0, options.messages))
    files = sorted(path for path in options.directory.rglob("*") if path.is_file())
    return [path.read_bytes() for path in files[: options.messages]]


def clock(function: Callable[[bytes, Structure], object], mail: list[Scanned], rounds: int) -> list[float]:
    """Seconds of CPU for all messages, for each round, without the garbage collector."""
    found = []
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        start = time.process_time()
        for octets, structure in mail:
            function(octets, structure)
        found.append(time.process_time() - start)
        gc.enable()
    return found


def measure(name: str, mail: list[Scanned], rounds: int) -> list[str]:
    """A row of the table: microseconds for a message (median and least), and MB a second."""
    seconds = clock(SUBJECTS[name], mail, rounds)
    middle, least = statistics.median(seconds), min(seconds)
    rate = sum(len(octets) for octets, _ in mail) / max(middle, 1e-9) / 1e6
    return [name, f"{middle / len(mail) * 1e6:.1f}", f"{least / len(mail) * 1e6:.1f}", f"{rate:.1f}"]


def main(arguments: list[str] | None = None) -> int:
    """Time the subjects and print a table."""
    parser = argparse.ArgumentParser(prog="just bench micro", description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(SUBJECTS)}; default: all")
    parser.add_argument("--messages", type=int, default=1000, help="how many messages (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how often (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up mail (%(default)s)")
    parser.add_argument("--directory", type=Path, help="read messages from the files below this directory instead")
    options = parser.parse_args(arguments)
    if unknown := set(options.subjects) - SUBJECTS.keys():
        parser.error(f"no subject {', '.join(sorted(unknown))}")
    mail = [(octets, scan(octets)) for octets in read_mail(options)]
    if not mail:
        parser.error("no messages")
    rows = [measure(name, mail, options.rounds) for name in options.subjects or SUBJECTS]
    print(markdown(["function", "us/message", "least", "MB/s"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
