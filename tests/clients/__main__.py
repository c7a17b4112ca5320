"""Runs other people's JMAP clients against a demo of their own: `just clients`.

Each is a program in this folder. It is skipped, with a word about why, when the client that it drives is not installed:
jmaplib and jmapc in this Python, jmap-jam in the folder that NODE_CLIENTS names.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.demo_process import DemoProcess, User, pillarbox_command

HERE = Path(__file__).parent
SECONDS = 120.0


def main() -> int:
    """Run all of them; how many failed."""
    failed = 0
    for name, missing in (("jmaplib", _no_module("jmap")), ("jmapc", _no_module("jmapc")), ("jam", _no_jam())):
        if missing:
            print(f"{name}: skipped: {missing}")
            continue
        with tempfile.TemporaryDirectory() as folder, DemoProcess(Path(folder) / "data", port_base=0) as demo:
            done = subprocess.run(_command(name, demo), capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 - our own
        print(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'}")
        if done.returncode:
            failed += 1
            print(done.stdout + done.stderr)
    return failed


def _no_module(name: str) -> str | None:
    return None if importlib.util.find_spec(name) else f"{name} is not installed (pip install jmaplib jmapc)"


def _no_jam() -> str | None:
    folder = os.environ.get("NODE_CLIENTS")
    if shutil.which("node") is None:
        return "there is no node"
    if not folder or not (Path(folder) / "node_modules" / "jmap-jam").exists():
        return "NODE_CLIENTS names no folder with node_modules/jmap-jam (npm install jmap-jam)"
    return None


def _command(name: str, demo: DemoProcess) -> list[str]:
    alice, bob = demo.ready.users[:2]
    if name == "jam":
        words = [word for user in (alice, bob) for word in (user.name, _token(demo, user))]
        return ["node", str(HERE / "foreign_jam.mjs"), demo.ready.session_url, *words]
    words = [alice.name, alice.password, bob.name, bob.password]
    return [sys.executable, str(HERE / f"foreign_{name}.py"), demo.ready.session_url, *words]


def _token(demo: DemoProcess, user: User) -> str:
    """An app password: it serves as bearer token too."""
    command = [*pillarbox_command(), "app-password", "add", "--data", str(demo.data), user.name, "jam"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]  # noqa: S603 - our own


if __name__ == "__main__":
    sys.exit(main())
