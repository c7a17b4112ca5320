"""The demo's keeper, tried with a small program in the demo's place."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tools.demo_process import DemoFailed, DemoProcess, Ready, User, fill_in, free_port_base, is_free

HTTP = "http://127.0.0.1:1"
LINE = {
    "http": HTTP,
    "jmap": HTTP + "/jmap",
    "lmtp": {"host": "127.0.0.1", "port": 24},
    "users": [{"name": "alice@example.org", "password": "a"}],
}
WAITS = "signal.signal(signal.SIGTERM, lambda *_: sys.exit({code})); print({line!r}, flush=True); signal.pause()"
IMPORTS = "import signal, sys; "


def keeper(data: Path, program: str) -> DemoProcess:
    return DemoProcess(data, port_base=1, command=[sys.executable, "-c", IMPORTS + program])


def test_the_demo_lives_inside_the_block_and_has_ended_after_it(tmp_path: Path) -> None:
    with keeper(tmp_path / "data", WAITS.format(code=0, line=json.dumps(LINE))) as demo:
        assert demo.ready == Ready(HTTP, HTTP + "/jmap", ("127.0.0.1", 24), (User("alice@example.org", "a"),))
        os.kill(demo.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(demo.pid, 0)


def test_the_demo_is_told_its_data_directory_and_ports(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path / "data", port_base=18500, command=["pillarbox"])
    assert demo.command == ["pillarbox", "demo", "--json", "--data", str(tmp_path / "data"), "--port-base", "18500"]


def test_a_demo_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="no such table"), keeper(tmp_path / "data", "sys.exit('no such table')"):
        pass


def test_a_demo_that_prints_something_else_is_refused_and_ended(tmp_path: Path) -> None:
    demo = keeper(tmp_path / "data", WAITS.format(code=0, line="{}"))
    with pytest.raises(DemoFailed, match="not the demo's line"), demo:
        pass
    assert demo.stop() in {0, -signal.SIGTERM}


def test_a_demo_that_ends_badly_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(DemoFailed, match="ended with 3"),
        keeper(tmp_path / "data", WAITS.format(code=3, line=json.dumps(LINE))),
    ):
        pass


def test_a_port_base_is_free_and_a_taken_port_is_not() -> None:
    base = free_port_base(24000, 32000)  # below the ports that the system hands out to connections
    assert is_free(base)


def test_an_account_is_made_by_a_command_that_can_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made"
    monkeypatch.setenv("PILLARBOX_ADD_ACCOUNT", f"sh -c 'echo $0 $1 > {made}' {{address}} {{password}}")
    with keeper(tmp_path / "data", WAITS.format(code=0, line=json.dumps(LINE))) as demo:
        demo.add_account(User("dora@example.org", "d o"))
    assert made.read_text() == "dora@example.org d o\n"


def test_a_command_that_refuses_the_account_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILLARBOX_ADD_ACCOUNT", "sh -c 'echo taken >&2; exit 1'")
    with (
        keeper(tmp_path / "data", WAITS.format(code=0, line=json.dumps(LINE))) as demo,
        pytest.raises(DemoFailed, match="taken"),
    ):
        demo.add_account(User("dora@example.org", "d"))


def test_a_template_becomes_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILLARBOX", "python -m pillarbox")
    assert fill_in("{pillarbox} import {path}", path="a b") == ["python", "-m", "pillarbox", "import", "a b"]
