"""The file that says which process has a data directory, whatever became of that process."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from pillarbox.app.listening import ServeError, pid_file


def test_a_number_that_was_left_behind_stops_nobody(tmp_path: Path) -> None:
    for left in (
        str(os.getpid()),
        "999999999",
        "9" * 19,
        "",
        "\x00\xff",
    ):  # of a living process, too: numbers are used again
        (tmp_path / "pillarbox.pid").write_text(left)
        with pid_file(tmp_path):
            assert (tmp_path / "pillarbox.pid").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / "pillarbox.pid").exists()


def test_a_directory_belongs_to_one_server(tmp_path: Path) -> None:
    with pid_file(tmp_path), pytest.raises(ServeError, match=f"process id {os.getpid()} "), pid_file(tmp_path):
        pass


def test_those_whose_supervisor_is_gone_are_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pillarbox.pid"
    zombie = os.posix_spawn("/bin/true", ["true"], {})  # as it is until somebody waits for it
    path.write_text(f"{zombie}\n")
    held = os.open(path, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    threading.Timer(0.1, os.close, [held]).start()
    with pid_file(tmp_path):
        assert path.read_text() == f"{os.getpid()}\n"
    os.waitpid(zombie, 0)


def test_a_file_that_was_just_removed_is_not_taken_for_the_one_that_counts(tmp_path: Path) -> None:
    path = tmp_path / "pillarbox.pid"
    with pid_file(tmp_path):
        path.unlink()
        with pid_file(tmp_path):  # nobody has the file of that name
            pass
