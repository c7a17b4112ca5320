"""The supervisor with work that does nothing but die in one way or another."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pillarbox.app.config.settings import Settings
from pillarbox.app.place import Place
from pillarbox.app.supervisor import Supervisor
from pillarbox.net.syncer import DISK_REFUSED


def _serve(folder: Path) -> None:
    def work(_settings: Settings, _place: Place, _lifeline: int, say_ready: Callable[[], None]) -> None:
        (folder / str(os.getpid())).touch()
        say_ready()
        while not (folder / "refuse").exists():
            time.sleep(0.01)
        (folder / "refuse").unlink(missing_ok=True)
        os._exit(DISK_REFUSED)

    Supervisor(Settings(data=folder, stop_seconds=1), 2, work, (folder / "ready").touch).run()


def _pids(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir() if path.name.isdigit()}


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_after_a_refused_sync_every_worker_begins_anew(tmp_path: Path) -> None:
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(tmp_path,))
    server.start()
    try:
        _until((tmp_path / "ready").exists)
        first = _pids(tmp_path)
        assert len(first) == 2
        (tmp_path / "refuse").touch()  # one of them meets it
        _until(lambda: len(_pids(tmp_path)) == 4)
        assert not any(map(_is_alive, first))  # the other went too
        assert all(map(_is_alive, _pids(tmp_path) - first))
    finally:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGTERM)
        server.join(20)
    assert server.exitcode == 0
