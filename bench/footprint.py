"""Start-up, memory at rest, and memory while much mail is imported."""

import subprocess
import tempfile
import time
from pathlib import Path

from bench.corpus import Corpus
from bench.jmap import Jmap
from bench.meter import ProcessTree
from tools.demo_process import DemoProcess, fill_in

IMPORT = "{pillarbox} import {address} {path} --data {data}"


def first_answer(folder: Path) -> dict[str, float]:
    """Start a demo with sample accounts on new data: seconds to its first JMAP answer, and memory when it rests."""
    with DemoProcess(folder) as demo:
        jmap = Jmap(demo.ready.session_url, demo.ready.users[0])
        jmap.call(("Mailbox/get", {"ids": None}))
        seconds = time.monotonic() - demo.started_at
        tree = ProcessTree(demo.pid)
        tree.settle()
        return {"seconds": seconds, "pss_mb": tree.pss_mb()}


def startup() -> dict[str, float]:
    """Start a demo twice on the same data: with the sample mail to be made, and with it there."""
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        first, second = first_answer(Path(folder) / "data"), first_answer(Path(folder) / "data")
    return {"first_start_s": first["seconds"], "start_s": second["seconds"], "idle_pss_mb": second["pss_mb"]}


def write_mbox(path: Path, count: int, recipient: str) -> None:
    """Write `count` messages as an mbox (RFC 4155), ">" before what looks like a separator."""
    with path.open("wb") as file:
        for message in Corpus(time.time_ns(), recipient).messages(0, count):  # no duplicates of an earlier round
            lines = message.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")
            file.write(b"From sender@example.net Thu Jan  1 00:00:00 2026\n" + lines + b"\n")


def import_mail(demo: DemoProcess, account: Jmap, count: int, template: str = IMPORT) -> dict[str, float]:
    """Import an mbox by the command line tool: messages a second, and the most memory of tool and server meanwhile."""
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        path, log = Path(folder) / "mail.mbox", Path(folder) / "log"
        write_mbox(path, count, account.user.name)
        command = fill_in(template, address=account.user.name, path=str(path), data=str(demo.data))
        start, tool_pss, server_pss = time.monotonic(), 0.0, 0.0
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
            while process.poll() is None:
                tool_pss = max(tool_pss, ProcessTree(process.pid).pss_mb())
                server_pss = max(server_pss, ProcessTree(demo.pid).pss_mb())
                time.sleep(0.2)
        seconds = time.monotonic() - start
        if process.returncode:
            raise RuntimeError(f"{command}: {log.read_text(errors='replace')[-2000:]}")
    return {"ops_s": count / seconds, "pss_mb": tool_pss, "server_pss_mb": server_pss}
