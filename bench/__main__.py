"""`python -m bench`: of a server; `micro`, `checks`: of functions; `relay`, `queue`, `postfix`: of mail that leaves."""

import sys

from bench.bench import main as bench
from bench.checks import main as checks
from bench.micro import main as micro
from bench.postfix import main as postfix
from bench.queue import main as queue
from bench.relay import main as relay

OTHERS = {"checks": checks, "micro": micro, "postfix": postfix, "queue": queue, "relay": relay}

if __name__ == "__main__":
    arguments = sys.argv[1:]
    other = OTHERS.get(arguments[0]) if arguments else None
    sys.exit(other(arguments[1:]) if other is not None else bench(arguments))
