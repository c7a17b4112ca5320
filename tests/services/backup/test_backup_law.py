"""Whatever happened to a store, and whatever happens while it is read: what comes back is what was there."""

from pathlib import Path

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.outbox import Entry
from pillarbox.services.backup.plan import Order
from pillarbox.services.backup.run import back_up
from pillarbox.services.uploads import expire_uploads
from pillarbox.storage.change import bounds, purge
from pillarbox.storage.dump.lineage import begun
from pillarbox.storage.removal import remove_step
from pillarbox.storage.transaction import Transaction
from tests.support.copy import digests, found_by, repository, restored, rows
from tests.support.history import WORDS, History
from tests.support.mail_house import House


class Life(History):
    """A history with what has no number, too: uploads, the outbox, what expires and what is forgotten."""

    def __init__(self, house: House, seed: int) -> None:
        super().__init__(house, seed)
        self.acts += [self.upload, self.expire, self.queue, self.unqueue, self.forget, self.swap_names]

    def upload(self) -> None:
        size = self.chance.choice((10, 1_000, 300_000))
        self.house.upload(bytes(self.chance.choices(range(256), k=10)) * (size // 10))

    def expire(self) -> None:
        self.house.clock.forward(seconds=86_400)
        self.house.store.write(expire_uploads)

    def queue(self) -> None:
        blob = self.house.upload(b"queued %d" % self.chance.randrange(9))
        entry = Entry(account="a1", id="", due_at=self.chance.randrange(99), kind="k", item="", body=b"{}", blob=blob)
        self.house.store.write(lambda tx: tx.add_entry(entry))

    def unqueue(self) -> None:
        def change(tx: Transaction) -> None:
            for entry in tx.entries_of("a1", ""):
                if self.chance.random() < 0.5:
                    tx.finish_entry(entry)
                else:
                    tx.postpone_entry(entry, 100, b'{"again":1}')

        self.house.store.write(change)

    def forget(self) -> None:
        """Old destroyed records are purged."""

        def change(tx: Transaction) -> None:
            number = bounds(tx.db, "a1", "Email")[1]
            purge(tx.db, "a1", "Email", self.chance.randrange(number + 1))

        self.house.store.write(change)

    def swap_names(self) -> None:
        found = self.some("Mailbox", 2)
        if len(found) < 2:
            return
        one, two = found
        names = {id: self.house.get("Mailbox", id, "name")["name"] for id in (one, two)}
        self.set("Mailbox", update={one: {"name": names[two]}, two: {"name": names[one]}})


@pytest.mark.parametrize("seed", range(3))
def test_each_backup_of_a_chain_brings_back_the_store_as_it_was_then(house: House, tmp_path: Path, seed: int) -> None:
    life = Life(house, seed)
    source = repository(tmp_path / "backups")
    store = house.store
    expected = {}
    for turn in range(5):
        life.steps(12)
        known = store.read(lambda view: begun(view.db))

        def meanwhile(_done: int, _of: int, known: set[str] = known) -> None:
            """Things happen until the last snapshot is taken."""
            if store.read(lambda view: begun(view.db)) == known:
                life.step()

        made = back_up(store, source, Order(full=turn == 3), meanwhile)
        assert (made.parent is None) == (turn in {0, 3})
        expected[made.id] = (rows(store), digests(store), found_by(store, "a1", WORDS))
    for id, (then, sums, hits) in expected.items():
        copy = restored(source, tmp_path / id, id, house.clock)
        assert rows(copy) == then
        assert digests(copy) == sums
        assert found_by(copy, "a1", WORDS) == hits
        copy.close()


def test_an_incremental_backup_writes_only_what_changed(house: House, tmp_path: Path) -> None:
    source = repository(tmp_path / "backups")
    life = Life(house, 1)
    life.steps(60)
    first = back_up(house.store, source)
    email = house.add()
    second = back_up(house.store, source)
    assert second.parent == first.id
    entry, before = second.account("a1"), first.account("a1")
    assert entry is not None
    assert before is not None
    assert entry.items - before.items < 40
    assert second.account("a2") == first.account("a2")
    assert len(second.packs) == len(first.packs) + 1
    third = back_up(house.store, source)
    assert third.added_octets == 0
    assert third.accounts == second.accounts
    assert email in house.every("Email", "id")


def test_an_account_that_is_gone_is_not_in_the_next_backup(house: House, tmp_path: Path) -> None:
    source = repository(tmp_path / "backups")
    Life(house, 1).steps(10)
    back_up(house.store, source)
    assert house.store.write(lambda tx: remove_step(tx.db, "a2"))
    made = back_up(house.store, source)
    assert {entry.id for entry in made.accounts} == {"a1", "r1", DIRECTORY}
    copy = restored(source, tmp_path / "copy")
    assert rows(copy) == rows(house.store)
    copy.close()


@pytest.mark.parametrize("during", [False, True])
def test_what_is_destroyed_and_forgotten_between_two_readings_does_not_come_back(
    house: House, tmp_path: Path, *, during: bool
) -> None:
    source = repository(tmp_path / "backups")
    gone, stays = house.add(), house.add()
    back_up(house.store, source)
    house.update("Email", stays, {"keywords/$seen": True})

    def forget(*_: int) -> None:
        if gone in house.every("Email", "id"):
            house.destroy("Email", gone)
            house.store.write(lambda tx: purge(tx.db, "a1", "Email", bounds(tx.db, "a1", "Email")[1]))

    if not during:
        forget()
    made = back_up(house.store, source, None, forget)
    assert made.parent is not None
    copy = restored(source, tmp_path / "copy")
    assert rows(copy) == rows(house.store)
    copy.close()


def test_what_was_destroyed_before_a_backup_and_is_forgotten_while_it_is_made_does_not_come_back(
    house: House, tmp_path: Path
) -> None:
    """The number of its end is below that at which the backup began: nothing else says that it is gone."""
    source = repository(tmp_path / "backups")
    gone, stays = house.add(), house.add()
    back_up(house.store, source)
    house.destroy("Email", gone)
    at = house.store.read(lambda view: bounds(view.db, "a1", "Email")[1])
    house.update("Email", stays, {"keywords/$seen": True})

    def forget(*_: int) -> None:
        house.store.write(lambda tx: purge(tx.db, "a1", "Email", at))

    back_up(house.store, source, None, forget)
    copy = restored(source, tmp_path / "copy")
    assert rows(copy) == rows(house.store)
    copy.close()


def test_a_delivery_does_not_have_the_account_read_anew(house: House, tmp_path: Path) -> None:
    """It raises the floor of EmailDelivery, which has no records that could be forgotten."""
    source = repository(tmp_path / "backups")
    for _ in range(20):
        house.add()
    first = back_up(house.store, source).account("a1")
    house.add()
    second = back_up(house.store, source).account("a1")
    assert first is not None
    assert second is not None
    assert second.objects[: len(first.objects)] == first.objects
    assert second.items < first.items + 20
