"""`python -m bench`: the benchmark of a whole server; `python -m bench micro`: of single functions."""

import sys

from bench.bench import main as bench
from bench.micro import main as micro

if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(micro(arguments[1:]) if arguments[:1] == ["micro"] else bench(arguments))
