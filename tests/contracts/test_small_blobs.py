"""Small blobs are read many at once, the same on every engine."""

from pillarbox.storage.store import Store


def test_those_in_the_database_are_read_and_no_one_elses(store: Store) -> None:
    for account in ("a1", "a2"):
        store.write(lambda tx, one=account: tx.add_account(one))  # type: ignore[misc]
    small, large = [b"number %d" % n for n in range(150)], b"x" * 2_000
    ids = store.write(lambda tx: [tx.put_blob("a1", data) for data in (*small, large)])
    other = store.write(lambda tx: tx.put_blob("a2", b"another's"))
    with store.snapshot() as view:
        assert view.outside_size("a1", ids[-1]) == 2_000
        assert view.small_blobs("a1", [*ids, other, "unknown"]) == dict(zip(ids[:-1], small, strict=True))
        assert view.small_blobs("a1", [ids[7], ids[7]]) == {ids[7]: small[7]}
        assert view.small_blobs("a1", []) == {}
