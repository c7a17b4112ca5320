"""Repositories under bad luck: flipped bits, killed commands, other stores, newer versions."""

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pillarbox.services.backup.check import check, restore_test
from pillarbox.services.backup.manifest import manifest_to_bytes
from pillarbox.services.backup.plan import Order
from pillarbox.services.backup.prune import prune
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.run import back_up
from pillarbox.services.backup.target import BackupError, DirectoryTarget
from pillarbox.storage.embedded import EmbeddedStore
from tests.support.blob_file import file_of
from tests.support.copy import digests, repository, restored
from tests.support.history import History
from tests.support.mail_house import House, message, open_house


def files(folder: Path) -> list[Path]:
    """All that matters in a repository."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


@pytest.fixture
def place(house: House, tmp_path: Path) -> Path:
    """A repository with two backups."""
    folder = tmp_path / "backups"
    house.add(message("One", "x" * 2_000))
    back_up(house.store, repository(folder))
    house.add(message("Two"))
    back_up(house.store, repository(folder))
    return folder


def sound(folder: Path) -> bool:
    try:
        return check(repository(folder)).is_sound
    except BackupError:
        return False


def test_verify_finds_any_flipped_bit_lost_octet_and_missing_object(place: Path) -> None:
    chance = random.Random(1)
    assert sound(place)
    for path in files(place):
        data = path.read_bytes()
        for at in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(25))}:
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :])
            assert not sound(place), (path, at)
        for broken in (data[:-1], data + b"\0", b""):
            path.write_bytes(broken)
            assert not sound(place), path
        if path.parent.name != "backups":  # a backup without its manifest is none
            path.unlink()
            assert not sound(place), path
        path.write_bytes(data)
    assert sound(place)


def test_a_damaged_object_is_not_restored(place: Path, tmp_path: Path) -> None:
    path = next(path for path in files(place) if "packs" in path.parts)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(BackupError, match="damaged"):
        restored(repository(place), tmp_path / "copy")


class DiskFullError(BackupError):
    """It happens."""


class Broken(DirectoryTarget):
    """A target on which the nth write fails."""

    def __init__(self, folder: Path, left: int) -> None:
        super().__init__(folder)
        self.left = left

    def put(self, name: str, data: bytes) -> None:
        if not self.left:
            raise DiskFullError("the disk is full")
        self.left -= 1
        super().put(name, data)


def test_a_backup_that_fails_at_any_write_leaves_the_others_whole_and_is_done_again(
    house: House, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    life = History(house, 2)
    made = []
    for left in range(12):
        life.steps(5)
        with contextlib.suppress(DiskFullError):
            made.append(back_up(house.store, Repository(Broken(folder, left))).id)
        if (folder / "pillarbox-backup").exists():
            assert sound(folder)
            assert repository(folder).ids() == made
    assert len(made) > 3
    copy = restored(repository(folder), tmp_path / "copy")
    assert digests(copy) == digests(house.store)
    copy.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from pillarbox.services.backup.target import DirectoryTarget
from pillarbox.storage.embedded_writer import Writer
from pillarbox.app.cli import main
kind, left = sys.argv[1], int(sys.argv[2])
def dying(method):
    def run(*args, **named):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return method(*args, **named)
    return run
if kind == "backup":
    os.fsync = dying(os.fsync)
else:
    Writer.commit = dying(Writer.commit)
main(sys.argv[3:])
"""


def killed(kind: str, left: int, *words: str) -> int:
    command = [sys.executable, "-c", KILLED, kind, str(left), *words]
    return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603


def test_backup_and_restore_that_are_killed_are_simply_run_again(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    History(house, 3).steps(20)
    house.store.close()
    data, place, copy = (str(tmp_path / name) for name in ("data", "backups", "copy"))
    for left in (1, 8):
        assert killed("backup", left, "backup", "--to", place, "--data", data) == -9
    assert killed("backup", 10_000, "backup", "--to", place, "--data", data) == 0
    assert sound(Path(place))
    assert not list(Path(place).rglob("*.tmp"))
    for left in (0, 3):
        assert killed("restore", left, "restore", "--from", place, "--data", copy) == -9
        assert killed("", 0, "verify-data", "--data", copy) == 3, "nobody may use half a store"
    assert killed("restore", 10_000, "restore", "--from", place, "--data", copy) == 0
    assert killed("", 0, "verify-data", "--data", copy) == 0


def test_a_backup_that_was_broken_off_leaves_its_octets_to_the_next(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    for number in range(3):
        house.add(message(f"Large {number}", bytes(random.Random(number).choices(b"abcdefgh", k=8_400_000)).decode()))
    with pytest.raises(BackupError):
        back_up(house.store, Repository(Broken(folder, 5)))
    packs = set((folder / "packs").rglob("*"))
    assert len([p for p in packs if p.is_file()]) == 3
    made = back_up(house.store, repository(folder))
    assert len(made.packs) == 3


def test_an_older_copy_of_a_store_does_not_go_on_from_what_it_never_knew(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    first = back_up(house.store, repository(folder))
    house.store.checkpoint()
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "pillarbox.sqlite3").write_bytes((house.store.folder / "pillarbox.sqlite3").read_bytes())
    house.add(message("Lost"))
    second = back_up(house.store, repository(folder))
    assert second.parent == first.id
    older = EmbeddedStore(tmp_path / "older", clock=house.clock)
    third = back_up(older, repository(folder))
    assert third.parent == first.id
    copy = restored(repository(folder), tmp_path / "copy", third.id)
    assert digests(copy) == digests(older)
    other = open_house(tmp_path / "other")
    assert back_up(other.store, repository(folder)).parent is None


def test_pruning_keeps_what_the_newest_need_and_nothing_else(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    life = History(house, 4)
    for _ in range(4):
        life.steps(10)
        back_up(house.store, repository(folder))
    house.destroy("Email", *house.every("Email", "id"))
    house.clock.forward(seconds=86_400)
    made = back_up(house.store, repository(folder), Order(full=True))
    pruned = prune(repository(folder), keep=2)
    assert len(pruned.deleted) == 3
    report = check(repository(folder))
    assert (report.is_sound, report.backups, report.unused) == (True, 2, 0)
    pruned = prune(repository(folder), keep=1)
    assert pruned.kept == [made.id]
    report = check(repository(folder))
    assert (report.is_sound, report.backups, report.unused) == (True, 1, 0)
    assert restore_test(repository(folder), made, tmp_path, lambda _done, _of: None) == []
    assert back_up(house.store, repository(folder)).parent == made.id
    assert sound(folder)


def test_a_backup_by_a_newer_version_is_refused_with_what_to_do(place: Path, tmp_path: Path) -> None:
    source = repository(place)
    made = source.find(None)
    newer = msgspec.structs.replace(made, schema=made.schema + 1, version="99.0")
    (place / "backups" / made.id).write_bytes(manifest_to_bytes(newer))
    with pytest.raises(BackupError, match=r"made by a newer Pillarbox \(99.0.*Restore with the newer version"):
        restored(source, tmp_path / "copy")


def test_a_directory_with_other_things_is_no_place_for_backups(house: House, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(BackupError, match="is not empty, and no repository"):
        back_up(house.store, repository(tmp_path / "pictures"))
    with pytest.raises(BackupError, match="is no repository"):
        check(repository(tmp_path / "pictures"))


def test_two_backups_at_a_time_do_not_mix(house: House, place: Path) -> None:
    with repository(place).opened(write=True), pytest.raises(BackupError, match="another command is using"):
        back_up(house.store, repository(place))


def test_a_time_means_the_newest_backup_that_was_finished_then(house: House, tmp_path: Path) -> None:
    source = repository(tmp_path / "backups")
    first = back_up(house.store, source)
    house.clock.forward(seconds=3_600)
    second = back_up(house.store, source)
    assert source.find(None).id == second.id
    assert source.find(first.finished_at).id == first.id
    assert source.find(second.id[:-2]).id == second.id
    for wrong, why in (("2001-01-01T00:00:00Z", "no backup was finished"), ("20", "several"), ("x", "no backup x")):
        with pytest.raises(BackupError, match=why):
            source.find(wrong)


def test_what_is_damaged_in_the_store_is_told_and_comes_once_it_is_mended(house: House, tmp_path: Path) -> None:
    source = repository(tmp_path / "backups")
    email = house.add(message("Large", "y" * 400_000))
    blob = house.get("Email", email, "blobId")["blobId"]
    path = file_of(house.store, blob)
    data = path.read_bytes()
    path.write_bytes(b"rotten")
    assert back_up(house.store, source).damaged == [f"a1 {blob}"]
    assert sound(tmp_path / "backups")
    assert back_up(house.store, source).damaged == [f"a1 {blob}"]
    path.write_bytes(data)
    assert back_up(house.store, source).damaged == []
    copy = restored(source, tmp_path / "copy")
    with copy.snapshot() as view:
        assert view.read_blob("a1", blob) == data
    copy.close()
