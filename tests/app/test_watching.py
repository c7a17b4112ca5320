"""A whole server: its numbers and health on a listener of their own, and the command that asks."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.free_port import free_port

PROGRAM = [sys.executable, "-c", "from pillarbox.app.cli import main; main()"]


class Server:
    """`pillarbox serve` on free ports of loopback and a unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "pillarbox.toml"
        self.config.write_text(
            f'data = "{folder}/data"\nworkers = 1\n[http]\nlisten = ["unix:{folder}/http.sock"]\n[lmtp]\nlisten = []\n'
            f'[metrics]\nlisten = ["127.0.0.1:{self.port}"]\n[log]\nformat = "json"\n'
            '[relay]\nthrottles = ["to:*  100/hour", "all 5/day"]\n',
            encoding="utf-8",
        )
        self.log: list[dict[str, object]] = []
        command = [*PROGRAM, "serve", "-c", str(self.config)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())  # noqa: S603

    def wait_for(self, event: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event:
                return
        raise AssertionError(self.log)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=20)
        self.log += [json.loads(line) for line in rest.splitlines()]

    def health(self, *words: str) -> tuple[int, dict[str, object]]:
        command = [*PROGRAM, "health", "-c", str(self.config), "--json", *words]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=20, check=False, env=environment()
        )
        return done.returncode, json.loads(done.stdout)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PILLARBOX_")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.wait_for("server.ready")
    yield server
    if server.process.poll() is None:
        server.stop()


def test_a_server_tells_its_numbers_and_its_health_and_the_command_asks(server: Server) -> None:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert "pillarbox_workers 1" in text
    assert 'pillarbox_store_octets{file="database"}' in text
    assert 'pillarbox_relay_throttled_total{rule="to:* per hour"} 0' in text
    assert 'pillarbox_relay_throttled_total{rule="all per day"} 0' in text
    assert 'pillarbox_cache_octets{memory="queries"} 0' in text
    code, told = server.health()
    assert (code, told["status"]) == (0, "ok")
    assert told["checks"] == {"running": "ok", "store": "ok", "disk": "ok"}
    # The listener of the clients tells strangers no more than that, and no numbers.
    code, told = server.health("--address", f"unix:{server.folder}/http.sock")
    assert (code, told) == (0, {"status": "ok", "address": f"unix:{server.folder}/http.sock"})
    server.stop()
    code, told = server.health("--live")
    assert (code, told["status"]) == (1, "no answer")
    assert {line["event"] for line in server.log} >= {"server.ready", "server.stopping"}
