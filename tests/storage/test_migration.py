"""A store of an older Pillarbox is brought up to date when it is opened, with all that it has."""

from pathlib import Path

import pytest

from pillarbox.datatypes.email import EMAIL
from pillarbox.storage import part
from pillarbox.storage.database import StoreError
from pillarbox.storage.migration import steps
from tests.support.engine import ENGINES, open_engine
from tests.support.old_store import make_old, pending_of
from tests.support.postgres_server import Server

OLD = [number for number, _, _ in steps("sqlite")][:-1]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> str:
    """Where an old store can be made: a schema without anything; empty for a folder."""
    if request.param == "sqlite":
        return ""
    server: Server = request.getfixturevalue("postgres")
    return server.bare()


@pytest.mark.parametrize("last", OLD)
def test_every_older_store_is_brought_up_to_date_with_what_it_has(tmp_path: Path, url: str, last: int) -> None:
    make_old(tmp_path, url, last)
    store = open_engine(tmp_path, url)
    with store.snapshot() as view:
        assert view.modseqs(["a0", "a1", "a2"]) == {"a0": 7, "a1": 7, "a2": 7}
        assert view.read_blob("a1", "b5") == bytes(15)
        have = [number for (number,) in view.db.rows("SELECT number FROM schema_version ORDER BY number")]
    assert have == [*OLD, steps("sqlite")[-1][0]]
    store.close()


def test_what_waits_to_expire_is_counted_once_for_every_account(tmp_path: Path, url: str) -> None:
    make_old(tmp_path, url, 6)
    store = open_engine(tmp_path, url)
    with store.snapshot() as view:
        assert [view.pending_use(account) for account in ("a0", "a2")] == [pending_of()] * 2
    store.write(lambda tx: tx.put_blob("a0", b"another", pending=True))
    store.close()
    store = open_engine(tmp_path, url)
    count, octets = pending_of()
    assert store.read(lambda view: view.pending_use("a0")) == (count + 1, octets + 7)
    store.close()


def test_members_and_containers_of_before_imap_get_their_numbers(tmp_path: Path, url: str) -> None:
    make_old(tmp_path, url, 6)
    store = open_engine(tmp_path, url)
    one, two = store.read(lambda view: [view.container("a1", id) for id in ("m1", "m2")])
    assert (one.uid_next, two.uid_next, one.modseq, two.modseq) == (3, 1, 7, 7)
    assert {one.uid_validity, two.uid_validity} == {1, 2}
    (member,) = store.read(lambda view: view.memberships("a1", "m1"))
    assert (member.uid, member.item, member.modseq, member.saved_at) == (2, "e2", 6, member.sort_key)
    assert store.read(lambda view: view.removed_uids("a1", "m1", 0)) == [1]
    store.close()


@pytest.mark.parametrize("last", [6, 15])
def test_parts_from_before_they_were_kept_in_order_are_found_and_marked_to_be_moved(
    tmp_path: Path, url: str, last: int
) -> None:
    make_old(tmp_path, url, last)
    store = open_engine(tmp_path, url)
    for _ in range(4):
        with store.snapshot() as view:
            assert view.parts(EMAIL, "a1", ["e1", "e2"], "imap") == {"e2": b"imap"}
            assert view.parts(EMAIL, "a1", ["e1", "e2"], "listing") == {"e2": b"listing"}
        if (account := store.read(lambda view: part.unordered(view.db))) is not None:
            store.write(lambda tx, one=account: part.order_step(tx.db, one))  # type: ignore[misc]
    with store.snapshot() as view:
        assert view.db.rows("SELECT account, id FROM ordered_part ORDER BY account") == [
            ("a0", "e2"),
            ("a1", "e2"),
            ("a2", "e2"),
        ]
        assert part.unordered(view.db) is None
    store.close()


def test_two_steps_of_one_number_are_refused_with_their_names(tmp_path: Path) -> None:
    for name in ("0001_start.sql", "0001_start.sqlite.sql", "0002_one.sql", "0002_other.sql", "0002_other.sqlite.sql"):
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(StoreError, match=r"number 2: 0002_one\.sql and 0002_other\.sql"):
        steps("sqlite", tmp_path)
    (tmp_path / "0002_other.sql").rename(tmp_path / "0003_other.sql")
    assert [number for number, _, _ in steps("sqlite", tmp_path)] == [1, 2, 3]


def test_this_versions_steps_have_numbers_of_their_own() -> None:
    numbers = [number for number, _, _ in steps("sqlite")]
    assert numbers == sorted(set(numbers))
