"""What a transaction knows of containers and uids without asking is what the rows say."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pillarbox.core.faults import Fault
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, id_of_role
from pillarbox.datatypes.membership import Container
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.services.mail.mark import change_keywords
from pillarbox.storage.container import container
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.transaction import Transaction
from tests.servers.imap.imap_server import deliver_to, fill, message


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    store = EmbeddedStore(tmp_path / "data")
    fill(store)
    deliver_to(store, "alice", *[message(number) for number in range(3)])
    return store


def inbox(tx: Transaction) -> str:
    found = id_of_role(tx, "alice", "inbox")
    assert found is not None
    return found


def another_mailbox(tx: Transaction) -> Mailbox:
    box = tx.get(MAILBOX, "alice", inbox(tx))
    assert box is not None
    new = msgspec.structs.replace(box, id=tx.new_id(MAILBOX), name="Box", role=None)
    tx.write(MAILBOX, "alice", None, new)
    return new


def stored(tx: Transaction) -> Container:
    """The numbers as the rows have them."""
    tx.before_reading_containers()
    return container(tx.db, "alice", inbox(tx))


def test_a_containers_numbers_follow_each_change(store: EmbeddedStore) -> None:
    def body(tx: Transaction) -> None:
        box = inbox(tx)
        assert tx.container("alice", box) == stored(tx)
        first, second, third = (item for _, item, _, _ in tx.listed("alice", box, 1, 9))
        change_keywords(tx, "alice", [first], add={"$seen"})
        assert tx.container("alice", box) == stored(tx)
        set_deleted(tx, "alice", box, [second], on=True)
        expunge(tx, "alice", box, [second])
        assert tx.container("alice", box) == stored(tx)
        tx.write(EMAIL, "alice", tx.get(EMAIL, "alice", third), None)
        assert tx.container("alice", box) == stored(tx)
        assert tx.pass_recent("alice", box, 3) == 1
        assert tx.container("alice", box) == stored(tx)
        assert tx.container("alice", box).first_recent == 3

    store.write(body)


def test_a_mailbox_that_goes_takes_its_numbers_along(store: EmbeddedStore) -> None:
    def body(tx: Transaction) -> None:
        new = another_mailbox(tx)
        tx.container("alice", new.id)
        tx.write(MAILBOX, "alice", new, None)
        with pytest.raises(Fault, match="no such mailbox"):
            tx.container("alice", new.id)

    store.write(body)


def test_a_row_is_found_by_its_uid_after_its_message_has_left_and_come_back(store: EmbeddedStore) -> None:
    def body(tx: Transaction) -> None:
        box = inbox(tx)
        ((row, email),) = tx.members(EMAIL, "alice", box, 2, 2)
        other = another_mailbox(tx)
        away = email.placed({other.id: True})
        tx.write(EMAIL, "alice", email, away)
        back = email.placed({box: True})
        tx.write(EMAIL, "alice", away, back)
        change_keywords(tx, "alice", [email.id], add={"blue"})
        uid = tx.uids_of("alice", box, [email.id])[email.id]
        assert uid > row.uid
        (now,) = tx.memberships_of("alice", box, [row.uid, uid])
        assert (now.uid, now.words) == (uid, " $hasnoattachment blue ")

    store.write(body)


def test_a_new_member_and_an_undone_change_are_seen(store: EmbeddedStore) -> None:
    writer = store.writer
    writer.begin()
    was = writer.run(lambda tx: tx.container("alice", inbox(tx)))

    def fail(tx: Transaction) -> None:
        box = inbox(tx)
        change_keywords(tx, "alice", [tx.listed("alice", box, 1, 1)[0][1]], add={"$seen"})
        assert tx.container("alice", box).modseq > was.modseq
        raise LookupError

    with pytest.raises(LookupError):
        writer.run(fail)
    assert writer.run(lambda tx: tx.container("alice", inbox(tx))) == was
    writer.rollback()
    deliver_to(store, "alice", message(9))
    writer.begin()
    assert writer.run(lambda tx: tx.container("alice", inbox(tx)).uid_next) == was.uid_next + 1
    writer.rollback()
