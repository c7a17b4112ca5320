"""`python -m bench`: the benchmark of a whole server; `micro`: of single functions; `relay`: of mail that leaves."""

import sys

from bench.bench import main as bench
from bench.micro import main as micro
from bench.relay import main as relay

OTHERS = {"micro": micro, "relay": relay}

if __name__ == "__main__":
    arguments = sys.argv[1:]
    other = OTHERS.get(arguments[0]) if arguments else None
    sys.exit(other(arguments[1:]) if other is not None else bench(arguments))
