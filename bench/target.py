"""The server that is measured: a demo of this checkout on a data directory of its own, or one that runs already."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.jmap import Jmap, JmapError
from bench.meter import ProcessTree
from tools.demo_process import DemoProcess, User

PASSWORD = "Bench-of-the-house-1"


@dataclass
class Target:
    """Where the server is, its processes, and the accounts that are used."""

    session_url: str
    lmtp: tuple[str, int]
    tree: ProcessTree | None
    demo: DemoProcess | None
    domain: str
    password: str = PASSWORD

    def account(self, name: str) -> Jmap:
        """Log in as `name` at the domain; in a demo the account is made when it is not there."""
        user = User(f"{name}@{self.domain}", self.password)
        try:
            return Jmap(self.session_url, user)
        except JmapError:
            if self.demo is None:
                raise
        self.demo.add_account(user)
        return Jmap(self.session_url, user)

    def settle(self) -> None:
        """Wait until the server is idle."""
        if self.tree:
            self.tree.settle()


@contextlib.contextmanager
def open_target(options: argparse.Namespace) -> Iterator[Target]:
    """The running server that was named, or a demo for the time of the block."""
    if options.session_url:
        host, _, port = options.lmtp.rpartition(":")
        tree = ProcessTree(options.pid) if options.pid else None
        yield Target(options.session_url, (host, int(port)), tree, None, options.domain, options.password)
        return
    with contextlib.ExitStack() as stack:
        folder = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pillarbox-bench-")))
        demo = stack.enter_context(DemoProcess(folder / "data", port_base=options.port_base))
        yield Target(demo.ready.session_url, demo.ready.lmtp, ProcessTree(demo.pid), demo, options.domain)
