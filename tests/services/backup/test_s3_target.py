"""A repository in S3 is one like any other."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.services.backup.check import check
from pillarbox.services.backup.place import open_repository
from pillarbox.services.backup.plan import Order
from pillarbox.services.backup.prune import prune
from pillarbox.services.backup.repository import Repository
from pillarbox.services.backup.run import back_up
from pillarbox.services.backup.target import Absent, BackupError
from tests.support.copy import digests, restored
from tests.support.history import History
from tests.support.mail_house import House
from tests.support.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def place(server: S3Server) -> Repository:
    return open_repository(server.url(secrets.token_hex(6)), server.access())


def test_a_chain_in_s3_is_made_checked_pruned_and_restored(house: House, place: Repository, tmp_path: Path) -> None:
    life = History(house, 6)
    for full in (False, False, True):
        life.steps(10)
        made = back_up(house.store, place, Order(full=full))
    assert len(prune(place, 2).deleted) == 1
    report = check(place)
    assert (report.is_sound, report.backups, report.unused) == (True, 2, 0)
    copy = restored(place, tmp_path / "copy", made.id, house.clock)
    assert digests(copy) == digests(house.store)
    copy.close()


def test_a_lock_in_s3_keeps_a_second_writer_out_and_is_given_back(house: House, place: Repository) -> None:
    with place.opened(write=True), pytest.raises(BackupError, match="another command is using s3://"):
        back_up(house.store, place)
    back_up(house.store, place)
    assert [entry.name for entry in place.target.list("") if entry.name == "lock"] == []


def test_what_is_not_there_is_absent_and_names_come_in_order(place: Repository) -> None:
    with pytest.raises(Absent):
        place.target.get("rows/no")
    for number in range(3):
        place.target.put(f"rows/{number}", b"x" * number)
    assert [(e.name, e.size) for e in place.target.list("rows")] == [("rows/0", 0), ("rows/1", 1), ("rows/2", 2)]
    place.target.delete("rows/1")
    place.target.delete("rows/1")
    assert [e.name for e in place.target.list("rows")] == ["rows/0", "rows/2"]


def test_a_url_that_is_none_is_told() -> None:
    with pytest.raises(BackupError, match="this is no URL such as s3://"):
        open_repository("ftp://host/x")
