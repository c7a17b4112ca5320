"""Counters that are written once a commit: every reader in the transaction and after it sees them as if at once."""

import contextlib
from typing import Any

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.quota import COUNT, QUOTA
from pillarbox.datatypes.view import Transaction
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from tests.support.mail_house import House, message


def _inbox(view: Any) -> Mailbox:
    (box,) = (box for box in view.all(MAILBOX, "a1") if box.role == "inbox")
    return box  # type: ignore[no-any-return]


def _bodies(store: Store, *bodies: Any) -> None:
    """Run bodies that share one commit, where an engine has them share."""
    if not isinstance(store, EmbeddedStore):
        for body in bodies:
            with contextlib.suppress(Fault):
                store.write(body)
        return
    store.writer.begin()
    for body in bodies:
        with contextlib.suppress(Fault):
            store.writer.run(body)
    store.writer.commit()


def _deliver(tx: Transaction) -> None:
    deliver(tx, "a1", message("one"))


def _deliver_and_fail(tx: Transaction) -> None:
    _deliver(tx)
    raise Fault(Kind.FAILED)


def test_bodies_of_one_commit_count_on_from_each_other(house: House) -> None:
    before = house.store.read(_inbox)
    state = house.store.read(lambda view: view.state(MAILBOX, "a1"))
    _bodies(house.store, _deliver, _deliver, _deliver)
    after = house.store.read(_inbox)
    assert after.total_emails == before.total_emails + 3
    assert house.store.read(lambda view: view.get(QUOTA, "a1", COUNT).used) == after.total_emails  # type: ignore[union-attr]
    assert house.store.read(lambda view: view.state(MAILBOX, "a1")) == state + 3
    page = house.store.read(lambda view: view.changes(MAILBOX, "a1", str(state), 10))
    assert (page.updated, page.counters_only) == ([after.id], True)


def test_a_body_that_fails_between_two_counts_for_nothing(house: House) -> None:
    before = house.store.read(_inbox)
    state = house.store.read(lambda view: view.state(MAILBOX, "a1"))
    _bodies(house.store, _deliver, _deliver_and_fail, _deliver)
    assert house.store.read(_inbox).total_emails == before.total_emails + 2
    assert house.store.read(lambda view: view.state(MAILBOX, "a1")) == state + 2  # its number was given back


def test_a_savepoint_that_is_undone_takes_its_counts_along(house: House) -> None:
    before = house.store.read(_inbox)

    def body(tx: Any) -> None:
        _deliver(tx)
        with contextlib.suppress(Fault), tx.savepoint():
            _deliver_and_fail(tx)
        assert _inbox(tx).total_emails == before.total_emails + 1
        with contextlib.suppress(Fault), tx.savepoint():
            _deliver(tx)
            tx.all(MAILBOX, "a1")  # has them written, which the savepoint undoes as well
            raise Fault(Kind.FAILED)
        assert tx.get(MAILBOX, "a1", before.id).total_emails == before.total_emails + 1
        _deliver(tx)

    house.store.write(body)
    assert house.store.read(_inbox).total_emails == before.total_emails + 2


def test_every_way_to_read_a_record_sees_what_was_counted(house: House) -> None:
    box = house.store.read(_inbox)

    def body(tx: Any) -> None:
        state = tx.state(MAILBOX, "a1")
        _deliver(tx)
        want = box.total_emails + 1
        assert tx.get(MAILBOX, "a1", box.id).total_emails == want
        _deliver(tx)
        assert tx.get_many(MAILBOX, "a1", [box.id])[box.id].total_emails == want + 1
        _deliver(tx)
        assert _inbox(tx).total_emails == want + 2
        _deliver(tx)
        assert tx.state(MAILBOX, "a1") > state
        _deliver(tx)
        assert box.id in tx.changes(MAILBOX, "a1", str(state), 10).updated

    house.store.write(body)


def test_an_edit_and_a_removal_after_a_count_are_not_undone_by_it(house: House) -> None:
    def edit(tx: Any) -> None:
        _deliver(tx)
        box = _inbox(tx)
        counted = Mailbox(**{f: getattr(box, f) for f in box.__struct_fields__} | {"sort_order": 7})
        tx.write(MAILBOX, "a1", box, counted)
        _deliver(tx)

    before = house.store.read(_inbox)
    house.store.write(edit)
    after = house.store.read(_inbox)
    assert (after.total_emails, after.sort_order) == (before.total_emails + 2, 7)

    house.store.write(lambda tx: tx.write(MAILBOX, "a1", None, Mailbox(id="mx", name="gone")))

    def count_and_destroy(tx: Any) -> None:
        box = tx.get(MAILBOX, "a1", "mx")
        counted = Mailbox(id="mx", name="gone", total_emails=3)
        tx.write(MAILBOX, "a1", box, counted)
        tx.write(MAILBOX, "a1", counted, None)
        assert tx.get(MAILBOX, "a1", "mx") is None

    house.store.write(count_and_destroy)
    assert house.store.read(lambda view: view.get(MAILBOX, "a1", "mx")) is None


def test_a_mailbox_whose_role_moves_is_found_at_once(house: House) -> None:
    def body(tx: Any) -> None:
        tx.write(MAILBOX, "a1", None, Mailbox(id="mj", name="news"))
        assert tx.find(MAILBOX, "a1", "role", ["important"]) == []
        tx.write(MAILBOX, "a1", tx.get(MAILBOX, "a1", "mj"), Mailbox(id="mj", name="news", role="important"))
        assert tx.find(MAILBOX, "a1", "role", ["important"]) == [("important", "mj")]
        with contextlib.suppress(Fault), tx.savepoint():
            tx.write(MAILBOX, "a1", tx.get(MAILBOX, "a1", "mj"), None)
            assert tx.find(MAILBOX, "a1", "role", ["important"]) == []
            raise Fault(Kind.FAILED)
        assert tx.find(MAILBOX, "a1", "role", ["important"]) == [("important", "mj")]

    house.store.write(body)
