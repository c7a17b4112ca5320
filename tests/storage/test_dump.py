"""A dump carries every table, and an index table's every column."""

from pathlib import Path

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.registry import TYPES
from pillarbox.storage.dump.digest import AccountDigest, account_digest, counts
from pillarbox.storage.dump.item import BLOB, CARRIED, DERIVED, INDEX, MEMBER, OUTBOX, RECORD
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.epoch import first_number_at
from pillarbox.storage.store import Store
from tests.support.mail_house import message, open_house

OWN = {
    "schema_version",
    "backup",
    "unwanted_blob",
    "ticket",
    "unfinished",
    "lease",
    "destination",
    "greylist",
    "memo",
    "unordered_part",
    "mta_sts",
    "report_count",
    "waiting_failure",
    "throttle",
}  # what a store says of itself, and what is remembered for a time only


def columns(store: Store, table: str) -> set[str]:
    with store.snapshot() as view:
        return {str(row[1]) for row in view.db.rows(f"PRAGMA table_info({table})")}


def test_every_table_is_carried_or_follows_from_what_is(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "data")
    with store.snapshot() as view:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'text_index_%'"
        tables = {str(name) for (name,) in view.db.rows(sql)}
    assert tables == CARRIED | DERIVED | OWN
    store.close()


def test_every_column_is_carried(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "data")
    key = {"account"}
    assert columns(store, "record") == {*RECORD.split(", "), "type"} | key
    assert columns(store, "member") == {*MEMBER.split(", ")} | key
    assert columns(store, "blob") == {*BLOB.split(", "), "data"} | key
    assert columns(store, "outbox") == {*OUTBOX.split(", ")} | key
    counted = {"pending_count", "pending_octets"}  # anew, at the end of a replay
    assert columns(store, "account") == {"id", "modseq", "epoch"} | counted
    for table, names in INDEX.items():
        assert columns(store, table) == {*names, "id", "doc"} | key
    assert {kind.index_table for kind in TYPES if kind.index_table} == set(INDEX)
    store.close()


def test_a_digest_sees_any_row_that_differs(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    house.add()
    seen = set()

    def look() -> None:
        with house.store.snapshot() as view:
            seen.add(account_digest(view.db, "a1").digest)

    look()
    look()
    assert len(seen) == 1
    changes = (
        "UPDATE account SET epoch = 9",
        "UPDATE record SET touched = 9 WHERE type = 'Thread'",
        "UPDATE part SET body = x'7b7d' WHERE name = 'listing'",
        "UPDATE ordered_part SET body = x'7b7d'",
        "UPDATE member SET words = ' x '",
        "UPDATE container SET next_uid = 9",
        "DELETE FROM lookup",
        "INSERT INTO floor VALUES ('a1', 'Email', 1)",
        "UPDATE blob SET stored_at = 9",
        "UPDATE email_index SET subject_key = 'x'",
        "INSERT INTO outbox (account, id, due_at, kind, item, blob, body) VALUES ('a1', 'o1', 1, 'k', '', '', x'')",
    )
    for number, sql in enumerate(changes, 2):
        house.store.write(lambda tx, sql=sql: tx.db.run(sql))  # type: ignore[misc]
        look()
        assert len(seen) == number, sql
    house.store.close()


def test_parts_that_are_made_again_where_they_are_missing_make_no_difference(tmp_path: Path) -> None:
    house = open_house(tmp_path)
    id = house.add(message())

    def look() -> tuple[AccountDigest, dict[str, int]]:
        with house.store.snapshot() as view:
            return account_digest(view.db, "a1"), counts(view.db, "a1")

    before = look()
    derived = sorted(EMAIL.derived_parts)
    assert derived == ["fields", "more-fields"]
    sql = "INSERT INTO part (account, type, id, name, body) VALUES ('a1', 'Email', ?, 'more-fields', x'41')"
    house.store.write(lambda tx: tx.db.run(sql, (id,)))
    assert look() == before
    house.store.write(lambda tx: tx.db.run("DELETE FROM ordered_part WHERE name = 'fields'"))
    assert look() == before
    house.store.write(lambda tx: tx.db.run("DELETE FROM ordered_part"))
    assert look() != before
    house.store.close()


def test_numbers_by_time_are_whole_in_any_client_and_ahead_of_a_million_a_second() -> None:
    year_2200 = 7_258_118_400_000
    assert first_number_at(year_2200) < 2**53
    assert first_number_at(2_000_000_001_000) - first_number_at(2_000_000_000_000) > 1_000_000
    assert first_number_at(0) == 0
