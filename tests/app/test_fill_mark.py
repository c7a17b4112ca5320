"""A directory that is filled: by one at a time, with one thing at a time; nobody's data is taken for a remainder."""

import os
from pathlib import Path

import pytest

from pillarbox.app.fill_mark import FillMark, hold_mark, read_mark
from pillarbox.storage.database import StoreError


def leave(folder: Path, what: str) -> None:
    """Begin to fill a directory, and break off."""
    with hold_mark(folder, what):
        (folder / "pillarbox.sqlite3").write_text("rows")
        (folder / "blobs").mkdir(exist_ok=True)
        (folder / "write.lock").touch()


def test_only_one_fills_a_directory_whatever_with(tmp_path: Path) -> None:
    place = tmp_path / "new"
    with hold_mark(place, "a backup") as mark:
        for what in ("a backup", "another"):
            with (
                pytest.raises(StoreError, match="another restore or move is filling"),
                hold_mark(place, what),
            ):
                pass
        assert read_mark(place) == "a backup"
        mark.end()
    assert read_mark(place) is None


def test_a_process_that_is_gone_holds_nobody_up(tmp_path: Path) -> None:
    place, ready = tmp_path / "new", os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover -- another process
        with hold_mark(place, "a backup"):
            os.write(ready[1], b"x")
            os._exit(0)
    assert os.read(ready[0], 1) == b"x"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with hold_mark(place, "a backup") as mark:
        mark.end()


def test_the_same_goes_on_and_something_else_begins_anew(tmp_path: Path) -> None:
    leave(tmp_path / "new", "a backup")
    with hold_mark(tmp_path / "new", "a backup"):
        assert (tmp_path / "new" / "pillarbox.sqlite3").read_text() == "rows"
    with hold_mark(tmp_path / "new", "b"):
        assert read_mark(tmp_path / "new") == "b"
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["restoring", "write.lock"]


def test_a_mark_that_a_crash_left_without_a_word_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "restoring").touch()
    assert read_mark(tmp_path) == "a store"
    with hold_mark(tmp_path, "a backup"):
        assert read_mark(tmp_path) == "a backup"


@pytest.mark.parametrize("name", ["pillarbox.sqlite3", "anything"])
def test_a_directory_with_something_in_it_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kept")
    with pytest.raises(StoreError, match="is not empty"), hold_mark(tmp_path, "a backup"):
        pass
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "kept")]


def test_a_store_that_was_begun_at_the_same_moment_is_not_a_remainder(tmp_path: Path) -> None:
    mark = FillMark(tmp_path / "restoring")
    (tmp_path / "pillarbox.sqlite3").write_text("kept")
    mark.hold()
    with pytest.raises(StoreError, match="is not empty"):
        mark.begin("a backup")
    mark.close()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("pillarbox.sqlite3", "kept")]


def test_who_comes_just_when_another_has_ended_does_not_hold_what_is_gone(tmp_path: Path) -> None:
    with hold_mark(tmp_path / "new", "a backup") as mark:
        late = FillMark(tmp_path / "new" / "restoring")
        mark.end()
    with pytest.raises(StoreError, match="is not empty"):
        late.hold()
    late.close()


def test_a_mark_that_was_taken_away_is_not_called_whole(tmp_path: Path) -> None:
    with hold_mark(tmp_path / "new", "a backup") as mark:
        (tmp_path / "new" / "restoring").unlink()
        (tmp_path / "new" / "restoring").touch()
        with pytest.raises(StoreError, match="run the same command again"):
            mark.end()
