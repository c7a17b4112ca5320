"""Other domains' policies in the store, on both engines."""

from pillarbox.storage import mta_sts
from pillarbox.storage.mta_sts import Fetched
from pillarbox.storage.store import Store

ONE = Fetched("1", b"version: STSv1\r\n", 1_000, 5_000)


def test_a_policy_is_kept_until_it_ends(store: Store) -> None:
    store.write(lambda tx: mta_sts.put(tx.db, "example.org", ONE))
    assert store.read(lambda view: mta_sts.find(view.db, "example.org", 4_999)) == ONE
    assert store.read(lambda view: mta_sts.find(view.db, "example.org", 5_000)) is None
    assert store.read(lambda view: mta_sts.find(view.db, "example.net", 2_000)) is None


def test_the_newer_takes_the_place_and_what_has_ended_goes(store: Store) -> None:
    two = Fetched("2", b"version: STSv1\r\nmode: none\r\n", 6_000, 9_000)
    store.write(lambda tx: mta_sts.put(tx.db, "example.org", ONE))
    store.write(lambda tx: mta_sts.put(tx.db, "example.net", ONE))
    store.write(lambda tx: mta_sts.put(tx.db, "example.org", two))
    assert store.read(lambda view: mta_sts.find(view.db, "example.org", 6_000)) == two
    assert store.read(lambda view: view.db.rows("SELECT domain FROM mta_sts")) == [("example.org",)]
