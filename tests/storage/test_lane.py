"""Claims on the outbound queue are short searches in indexes, whatever waits."""

from pathlib import Path
from typing import Any

import pytest

from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import PERSONAL, Outgoing, enqueue
from pillarbox.storage import lane
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.lane import Claimer
from tests.directory_fixture import SetClock


class Watched:
    """A connection that notes what it is asked."""

    def __init__(self, db: Any) -> None:
        self.db, self.asked = db, list[tuple[str, tuple[Any, ...]]]()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.db, name)
        if name not in ("run", "row", "rows"):
            return function

        def noted(sql: str, values: Any = ()) -> Any:
            self.asked.append((sql, tuple(values)))
            return function(sql, values)

        return noted


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = EmbeddedStore(tmp_path / "data", clock=SetClock())
    found.write(lambda tx: tx.add_account("a1"))
    yield found
    found.close()


def put(store: EmbeddedStore, *recipients: str) -> None:
    out = Outgoing(
        account="a1",
        data=b"Subject: x\r\n\r\nx",
        mail_from=Address("a@example.org"),
        recipients=[Address(email) for email in recipients],
    )
    store.write(lambda tx: enqueue(tx, out))


def claim(store: EmbeddedStore, number: int) -> list[tuple[str, tuple[Any, ...]]]:
    """What a claim asks of the database."""

    def body(tx: Any) -> list[tuple[str, tuple[Any, ...]]]:
        db: Any = Watched(tx.db)
        found = lane.claim(db, PERSONAL, tx.now_ms, Claimer("one", 1000), f"l{number}", lambda _: 5)
        assert found is not None
        lane.release(db, found.lease, tx.now_ms)
        for sql, values in db.asked:
            for plan in tx.db.rows(f"EXPLAIN QUERY PLAN {sql}", values):
                text = str(plan[3])
                assert not text.startswith("SCAN"), f"{text}: {sql}"
                assert "TEMP B-TREE" not in text, f"{text}: {sql}"
                # All of an account's entries are as good as a scan.
                assert "account=? AND" in text or "(account=?)" not in text, f"{text}: {sql}"
        return list(db.asked)

    return store.write(body)


def test_a_claim_asks_as_much_of_a_long_queue_as_of_a_short_one(store: EmbeddedStore) -> None:
    for n in range(2):
        put(store, f"u{n}@one.test")
    put(store, "bob@two.test")
    short = len(claim(store, 1))
    for n in range(300):
        put(store, f"v{n}@one.test", f"w{n}@d{n}.test")
        put(store, f"x{n}@d{n}.test")
    assert len(claim(store, 2)) == short


def test_lanes_that_ran_empty_are_put_away_together(store: EmbeddedStore) -> None:
    clock = store.clock
    assert isinstance(clock, SetClock)
    for n in range(50):
        put(store, f"v@d{n}.test")
    put(store, "bob@later.test")
    for n in range(51):
        claim(store, n)
    store.write(lambda tx: tx.db.run("DELETE FROM outbox WHERE destination <> 'later.test'"))
    clock.now += 10_000  # the leases are over, and nobody relies on an empty lane any more
    by = Claimer("one", 1000)
    found = store.write(lambda tx: lane.claim(tx.db, PERSONAL, tx.now_ms, by, "l", lambda _: 5))
    assert found is not None
    assert [entry.destination for entry in found.entries] == ["later.test"]
    assert store.read(lambda view: view.db.rows("SELECT destination FROM lane")) == [("later.test",)]
