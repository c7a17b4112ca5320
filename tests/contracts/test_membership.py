"""What a container holds by uid, and what changed in it: the same on every engine (RFC 9051 §2.3.1, RFC 7162 §3.1)."""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.membership import Container, Membership
from pillarbox.datatypes.registry import TYPES
from pillarbox.services.mail.deliver import deliver
from pillarbox.services.mail.flag import expunge, set_deleted
from pillarbox.storage import change
from pillarbox.storage.epoch import begin_epoch, skip_uids
from tests.support.mail_house import House, message


def read(house: House, name: str, *given: Any, box: str = "inbox", **more: Any) -> Any:
    return house.store.read(lambda view: getattr(view, name)("a1", house.box[box], *given, **more))


def uids(found: list[Membership]) -> list[int]:
    return [one.uid for one in found]


def rows(house: House, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return house.store.read(lambda view: view.db.rows(sql, values))


def test_a_membership_tells_what_a_flags_fetch_needs(house: House) -> None:
    first = house.add(keywords={"$seen": True, "blue": True}, received_ms=1_600_000_000_000)
    saved_at = house.clock.now_ms()
    second = house.add(message(body="x" * 100))
    email = house.get("Email", first, "size", "threadId")
    one, two = read(house, "memberships")
    number = rows(house, "SELECT modseq FROM record WHERE account = 'a1' AND id = ?", first)[0][0]
    assert one == Membership(
        1,
        first,
        number,
        " $seen blue ",
        email["size"],
        1_600_000_000_000,
        email["threadId"],
        saved_at,
        is_deleted=False,
    )
    assert type(one) is Membership
    assert (two.uid, two.item, two.words) == (2, second, "")
    assert two.modseq > one.modseq


def test_members_are_told_by_range_by_uid_and_up_to_a_limit(house: House) -> None:
    ids = [house.add() for _ in range(6)]
    house.destroy("Email", ids[2])
    assert read(house, "uids") == [1, 2, 4, 5, 6]
    assert uids(read(house, "memberships")) == [1, 2, 4, 5, 6]
    assert uids(read(house, "memberships", 2, 5)) == [2, 4, 5]
    assert uids(read(house, "memberships", 3)) == [4, 5, 6]
    assert uids(read(house, "memberships", 2, limit=2)) == [2, 4]
    assert uids(read(house, "memberships", limit=0)) == []
    assert read(house, "memberships_of", [6, 3, 1, 1, 99]) == [read(house, "memberships")[n] for n in (0, 4)]
    assert read(house, "memberships_of", []) == []
    assert read(house, "flags") == [(m.uid, m.modseq, m.words, False) for m in read(house, "memberships")]
    assert read(house, "flags", 2, 4, since=1) == read(house, "flags")[1:3]
    assert read(house, "memberships", box="trash") == read(house, "uids", box="trash") == []


def test_many_uids_may_be_asked_for_at_once(house: House) -> None:
    def fill(tx: Any) -> None:
        for number in range(1_300):
            deliver(tx, "a1", message(id=str(number)))

    house.store.write(fill)
    assert read(house, "memberships_of", range(1_299, 0, -1)) == read(house, "memberships", 1, 1_299)


def test_what_changed_after_a_number_is_told_and_nothing_else(house: House) -> None:
    ids = [house.add() for _ in range(4)]
    house.add(None, "archive")
    since = read(house, "container").modseq
    assert read(house, "memberships", since=since) == []
    house.update("Email", ids[1], {"keywords/$seen": True})
    house.update("Email", house.add(None, "archive"), {"keywords/$seen": True})  # elsewhere
    house.update("Email", ids[3], {f"mailboxIds/{house.box['archive']}": True})  # is still where it was
    house.destroy("Email", ids[0])
    new = house.add()
    changed = read(house, "memberships", since=since)
    assert [(one.uid, one.item) for one in changed] == [(2, ids[1]), (5, new)]
    assert read(house, "memberships", 3, since=since) == changed[1:]
    assert read(house, "memberships", since=since, limit=1) == changed[:1]
    assert read(house, "memberships", since=changed[0].modseq) == changed[1:]
    assert read(house, "removed_uids", since) == [1]
    assert read(house, "removed_uids", read(house, "container").modseq) == []


def test_a_long_log_and_a_short_one_tell_the_same(house: House) -> None:
    first = house.add()
    since = read(house, "container").modseq

    def fill(tx: Any) -> None:
        for number in range(600):
            deliver(tx, "a1", message(id=str(number)))

    house.store.write(fill)
    house.update("Email", first, {"keywords/$seen": True})
    short = read(house, "memberships", since=since)
    assert uids(short) == list(range(1, 602))
    assert read(house, "changed_members", since) == (short, [])
    house.store.write(fill)
    assert uids(read(house, "memberships", since=since)) == list(range(1, 1202))
    assert read(house, "changed_members", since) is None
    assert read(house, "memberships", 1, 601, since=since) == short


def test_what_changed_is_told_at_once_as_it_is_piece_by_piece(house: House) -> None:
    ids = [house.add() for _ in range(8)]
    inbox, archive = house.box["inbox"], house.box["archive"]
    numbers = [read(house, "container").modseq]

    def step(act: Callable[[], object]) -> None:
        act()
        numbers.append(read(house, "container").modseq)

    step(lambda: house.update("Email", ids[1], {"keywords/$seen": True}))
    step(lambda: house.destroy("Email", ids[0]))
    step(lambda: house.store.write(lambda tx: set_deleted(tx, "a1", inbox, ids[2:4], on=True)))
    step(lambda: house.update("Email", ids[4], {"mailboxIds": {archive: True}}))
    step(house.add)
    step(lambda: house.store.write(lambda tx: expunge(tx, "a1", inbox, ids[2:3])))
    step(lambda: house.store.write(lambda tx: set_deleted(tx, "a1", inbox, ids[3:4], on=False)))
    step(lambda: house.add(None, "archive"))
    for since in numbers:
        told = read(house, "memberships", since=since), read(house, "removed_uids", since)
        assert read(house, "changed_members", since) == told
    assert all(type(one) is Membership for one in read(house, "changed_members", numbers[0])[0])
    assert read(house, "changed_members", numbers[-1]) == ([], [])
    house.store.write(lambda tx: change.purge(tx.db, "a1", "Email", numbers[3]))
    assert read(house, "changed_members", numbers[2]) is None
    assert read(house, "changed_members", numbers[-1]) == ([], [])


def test_members_come_with_their_records_those_that_only_imap_sees_too(house: House) -> None:
    ids = [house.add(keywords={word: True}) for word in ("a", "b", "c")]
    house.store.write(lambda tx: set_deleted(tx, "a1", house.box["inbox"], ids[1:2], on=True))
    house.destroy("Email", ids[0])
    found = house.store.read(lambda view: view.members(EMAIL, "a1", house.box["inbox"], 1, 9))
    assert [row for row, _ in found] == read(house, "memberships")
    assert [(email.id, list(email.keywords)) for _, email in found] == [(ids[1], ["b"]), (ids[2], ["c"])]
    assert house.store.read(lambda view: view.members(EMAIL, "a1", house.box["inbox"], 4, 9)) == []


def test_a_container_counts_every_change_of_its_members_and_no_other(house: House) -> None:
    box = house.box["inbox"]
    empty = read(house, "container")
    assert empty.uid_next == 1
    assert empty.modseq > 0

    def after(act: Any) -> bool:
        before = read(house, "container").modseq
        act()
        now = read(house, "container").modseq
        own = rows(house, "SELECT MAX(modseq) FROM member WHERE account = 'a1' AND container = ?", box)[0][0]
        assert now == own >= before
        return bool(now > before)

    ids: list[str] = []
    assert after(lambda: ids.append(house.add()))
    assert after(lambda: ids.append(house.add(None, "inbox", "archive")))
    assert after(lambda: house.update("Email", ids[0], {"keywords/$seen": True}))
    assert after(lambda: house.update("Email", ids[1], {f"mailboxIds/{box}": None}))
    assert not after(lambda: house.update("Email", ids[1], {"keywords/$seen": True}))
    assert not after(lambda: house.update("Email", ids[0], {f"mailboxIds/{house.box['sent']}": True}))
    assert not after(lambda: house.update("Mailbox", box, {"sortOrder": 3}))
    assert after(lambda: house.destroy("Email", ids[0]))
    assert read(house, "container")._replace(modseq=0) == Container(3, empty.uid_validity, 0, 1)


def test_uid_validity_rises_and_no_two_mailboxes_of_an_account_share_one(house: House) -> None:
    now = house.clock.now_ms() // 1000
    first = [read(house, "container", box=box).uid_validity for box in house.box if ":" not in box]
    assert first == list(range(now, now + 6)), "made in one transaction, at one time"
    last = first[-1]
    for seconds in (0, 0, 100, -1000):
        house.clock.forward(seconds=seconds)
        house.box["again"] = house.create("Mailbox", name="Again")
        found = read(house, "container", box="again")
        assert found.uid_validity == max(last + 1, house.clock.now_ms() // 1000)
        last = found.uid_validity
        house.destroy("Mailbox", house.box["again"])
        with pytest.raises(Fault) as caught:
            read(house, "container", box="again")
        assert caught.value.kind is Kind.NOT_FOUND


def test_a_transaction_sees_its_own_changes_and_an_undone_savepoint_takes_them_back(house: House) -> None:
    id, box = house.add(), house.box["inbox"]
    before = read(house, "container")

    def mark(tx: Any, word: str) -> None:
        email = tx.get(EMAIL, "a1", id)
        tx.write(EMAIL, "a1", email, msgspec.structs.replace(email, keywords={**email.keywords, word: True}))

    def body(tx: Any) -> None:
        with contextlib.suppress(Fault), tx.savepoint():
            mark(tx, "blue")
            deliver(tx, "a1", message())
            assert tx.container("a1", box).modseq > before.modseq
            assert tx.container("a1", box).uid_next == before.uid_next + 1
            raise Fault(Kind.FAILED)
        assert tx.container("a1", box) == before
        mark(tx, "red")
        assert uids(tx.memberships("a1", box, since=before.modseq)) == [1]
        deliver(tx, "a1", message())
        with contextlib.suppress(Fault), tx.savepoint():
            deliver(tx, "a1", message())
            raise Fault(Kind.FAILED)

    house.store.write(body)
    assert read(house, "container").modseq == max(one.modseq for one in read(house, "memberships"))
    assert read(house, "memberships")[0].words == " red "
    assert read(house, "container").uid_next == before.uid_next + 1


def test_a_purge_is_told_by_the_number_since_which_removals_are_known(house: House) -> None:
    assert house.store.read(lambda view: view.known_since("a1")) == 0
    house.destroy("Email", house.add())
    since = read(house, "container").modseq
    house.destroy("Email", house.add())
    assert read(house, "removed_uids", 0) == [1, 2]
    house.store.write(lambda tx: change.purge(tx.db, "a1", "Email", since))
    assert house.store.read(lambda view: view.known_since("a1")) == since
    assert read(house, "removed_uids", since) == [2]
    assert read(house, "removed_uids", 0) == [2]


def test_after_a_new_epoch_everything_has_changed_and_no_number_or_uid_comes_again(house: House) -> None:
    ids = [house.add() for _ in range(3)]
    house.destroy("Email", ids[0])
    before = read(house, "container")

    def lose(tx: Any) -> int:
        skip_uids(tx.db, "a1")
        return begin_epoch(tx.db, "a1", [kind.name for kind in TYPES], tx.now_ms)

    epoch = house.store.write(lose)
    after = read(house, "container")
    assert after.modseq == house.store.read(lambda view: view.known_since("a1")) == epoch > before.modseq
    assert after.uid_validity == before.uid_validity
    assert [(one.uid, one.modseq) for one in read(house, "memberships", since=before.modseq + 10)] == [
        (2, epoch), (3, epoch)
    ]  # fmt: skip
    assert read(house, "memberships", since=epoch) == []
    assert [read(house, "changed_members", since) for since in (before.modseq, epoch)] == [None, ([], [])]
    assert {row.modseq for row, _ in house.store.read(lambda v: v.members(EMAIL, "a1", house.box["inbox"], 1, 9))} == {
        epoch
    }
    house.add()
    (new,) = read(house, "memberships", since=epoch)
    assert new.modseq == read(house, "container").modseq > epoch
    assert new.uid == after.uid_next > 1_000_000


def test_the_numbers_of_several_containers_are_those_of_each(house: House) -> None:
    house.add()
    boxes = house.store.read(lambda view: view.ids(MAILBOX, "a1", 100))
    wanted = [*boxes, "none"]

    def body(view: Any) -> tuple[dict[str, Container], dict[str, Container]]:
        return view.containers("a1", wanted), {id: view.container("a1", id) for id in boxes}

    several, each = house.store.read(body)
    assert several == each
    assert house.store.read(lambda view: view.containers("a1", [])) == {}
    assert house.store.read(lambda view: view.containers("a2", wanted)) == {}


def test_the_numbers_of_containers_hold_what_the_transaction_has_done(house: House) -> None:
    def body(tx: Any) -> tuple[Container, Container]:
        before = tx.containers("a1", [house.box["inbox"]])[house.box["inbox"]]
        deliver(tx, "a1", message())
        return before, tx.containers("a1", [house.box["inbox"]])[house.box["inbox"]]

    before, after = house.store.write(body)
    assert after.uid_next == before.uid_next + 1
    assert after.modseq > before.modseq
    assert after == read(house, "container")
