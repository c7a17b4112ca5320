"""What a transaction knows without asking the database is what that would say, also after something is undone."""

import contextlib
from typing import Any

import pytest

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.thread import THREAD
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.mail.flag import remove
from pillarbox.storage import change
from pillarbox.storage.transaction import Transaction
from tests.support.mail_house import House, message


class Undo(Exception):
    """Something went wrong."""


def is_settled(house: House, since: int) -> bool:
    return house.store.read(lambda view: view.is_settled(MAILBOX, "a1", since))


def test_a_type_is_settled_as_long_as_nothing_but_counters_changes(house: House) -> None:
    since = house.store.read(lambda view: view.state(MAILBOX, "a1"))
    house.add()
    assert house.store.read(lambda view: view.state(MAILBOX, "a1")) > since
    assert is_settled(house, since)
    made = house.create("Mailbox", name="made")
    assert not is_settled(house, since)
    since = house.store.read(lambda view: view.state(MAILBOX, "a1"))
    house.update("Mailbox", made, {"name": "named"})
    assert not is_settled(house, since)
    since = house.store.read(lambda view: view.state(MAILBOX, "a1"))
    house.destroy("Mailbox", made)
    assert not is_settled(house, since)
    house.store.write(lambda tx: change.purge(tx.db, "a1", "Mailbox", 1 << 40))
    assert not is_settled(house, since)
    assert is_settled(house, house.store.read(lambda view: view.state(MAILBOX, "a1")))


def test_a_blob_that_is_let_go_and_held_again_in_one_transaction_is_not_given_up(house: House) -> None:
    data = message(id="again")

    def body(tx: Any) -> None:
        email = deliver(tx, "a1", data)
        tx.write(EMAIL, "a1", email, None)
        deliver(tx, "a1", data)

    house.store.write(body)
    assert house.store.read(lambda view: view.pending_use("a1")) == (0, 0)
    rows = house.store.read(lambda view: view.db.rows("SELECT pending FROM blob WHERE account = 'a1'"))
    assert rows == [(0,)]


def test_an_upload_becomes_mail_and_a_message_that_is_there_twice_is_one_blob(house: House) -> None:
    data = message(id="twice")
    house.store.write(lambda tx: tx.put_blob("a1", data, pending=True))
    assert house.store.read(lambda view: view.pending_use("a1")) == (1, len(data))
    for _ in range(2):
        house.store.write(lambda tx: deliver(tx, "a1", data))
    assert house.store.read(lambda view: view.pending_use("a1")) == (0, 0)


def test_a_blob_that_was_there_before_is_given_up_after_its_last_email(house: House) -> None:
    data = message(id="put-again")
    house.store.write(lambda tx: tx.put_blob("a1", data, pending=True))

    def body(tx: Transaction) -> None:
        first, second = deliver(tx, "a1", data), deliver(tx, "a1", data)
        tx.write(EMAIL, "a1", first, None)
        assert tx.pending_use("a1") == (0, 0)
        tx.write(EMAIL, "a1", second, None)
        assert tx.pending_use("a1") == (1, len(data))
        third = deliver(tx, "a1", data)
        assert tx.pending_use("a1") == (0, 0)
        with contextlib.suppress(Undo), tx.savepoint():
            tx.write(EMAIL, "a1", third, None)
            raise Undo
        deliver(tx, "a1", data)

    house.store.write(body)
    assert house.store.read(lambda view: view.pending_use("a1")) == (0, 0)


def test_uids_are_those_of_the_store_after_removals_and_what_was_undone(house: House) -> None:
    inbox = house.box["inbox"]

    def body(tx: Transaction) -> None:
        first = deliver(tx, "a1", message(id="1"))
        with contextlib.suppress(Undo), tx.savepoint():
            lost = deliver(tx, "a1", message(id="2"))
            assert tx.uids_of("a1", inbox, [first.id, lost.id]) == {first.id: 1, lost.id: 2}
            raise Undo
        assert tx.uids_of("a1", inbox, [first.id, lost.id]) == {first.id: 1}
        second = deliver(tx, "a1", message(id="3"))
        remove(tx, "a1", inbox, [first.id])
        assert tx.uids_of("a1", inbox, [first.id, second.id]) == {second.id: 2}
        assert tx.get(THREAD, "a1", lost.thread_id) is None
        assert tx.get(EMAIL, "a1", second.id) == second

    house.store.write(body)


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_record_of_a_new_id_is_found_from_when_it_is_written(house: House, is_undone: bool) -> None:
    def body(tx: Transaction) -> None:
        id = tx.new_id(MAILBOX)
        assert tx.get(MAILBOX, "a1", id) is None
        with contextlib.suppress(Undo), tx.savepoint():
            tx.write(MAILBOX, "a1", None, Mailbox(id=id, name="new"))
            assert tx.get(MAILBOX, "a1", id) is not None
            if is_undone:
                raise Undo
        assert (tx.get(MAILBOX, "a1", id) is None) is is_undone

    house.store.write(body)
