"""`python -m tests.fuzz [--seconds N] [--seed N] [NAME ...]`: run the harnesses in turn until the time is over.

A harness is a module `fuzz_NAME.py` here with `main(rounds, seed)`, which raises when a parser breaks its promise. What
fails is printed with its seed, so that `main` called with the same two numbers shows it again.
"""

import argparse
import itertools
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.harness import ROUNDS, load, names

FOLDER = Path(__file__).parent


def main() -> int:
    """Run what was asked for; the exit code is 1 if a parser broke its promise."""
    known = names(FOLDER)
    parser = argparse.ArgumentParser(description="Throw mutated input at the parsers.")
    parser.add_argument("--seconds", type=float, default=60, help="for how long, all harnesses together")
    parser.add_argument("--seed", type=int, default=1, help="where the chances begin")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}; all if none")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.names) - set(known)):
        parser.error(f"no harness {', '.join(unknown)}; there are {', '.join(known)}")
    end = time.monotonic() + arguments.seconds
    for seed in itertools.count(arguments.seed):
        for name in arguments.names or known:
            if time.monotonic() >= end:
                print(f"seeds {arguments.seed} to {seed} of {', '.join(arguments.names or known)}: nothing broke")
                return 0
            if not survives(name, seed):
                return 1
    raise AssertionError


def survives(name: str, seed: int) -> bool:
    """Run one harness for a batch of rounds; if it breaks, say how to see it again."""
    try:
        load(name)(ROUNDS, seed)
    except Exception:  # noqa: BLE001 - whatever comes out of a parser is what we look for
        traceback.print_exc()
        print(f"again: python -c 'from tests.fuzz import fuzz_{name} as f; f.main({ROUNDS}, {seed})'", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
