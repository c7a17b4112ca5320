"""Records, members, lookups, changes, savepoints, blobs: what any store must do with them."""

import contextlib
import multiprocessing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.datatypes.thread import THREAD, Thread
from pillarbox.services.mail.deliver import deliver
from pillarbox.storage import change
from pillarbox.storage.database import StoreError
from pillarbox.storage.store import Store
from tests.support.engine import Opener, open_engine
from tests.support.mail_house import House, message


def test_a_record_is_there_after_opening_again(open_store: Opener) -> None:
    store = open_store()
    store.write(lambda tx: tx.add_account("a"))
    store.write(lambda tx: tx.write(MAILBOX, "a", None, Mailbox(id="m1", name="Übung", role="inbox")))
    store.close()
    again = open_store()
    found = again.read(lambda view: view.get(MAILBOX, "a", "m1"))
    assert found == Mailbox(id="m1", name="Übung", role="inbox")
    assert again.read(lambda view: view.find(MAILBOX, "a", "role", ["inbox", "trash"])) == [("inbox", "m1")]
    assert again.read(lambda view: view.get(MAILBOX, "b", "m1")) is None


def test_a_record_is_found_by_each_of_many_values(house: House) -> None:
    def found(keys: list[str]) -> list[str]:
        rows = house.store.read(lambda view: view.find(THREAD, "a1", "keys", keys))
        assert {id for _, id in rows} <= {"t1"}
        return sorted(key for key, _ in rows)

    keys = [f"key{n:03}" for n in range(130)]
    old = Thread(id="t1", email_ids=["e1"], times=[0], mailboxes={}, keys=keys[:120])
    house.store.write(lambda tx: tx.write(THREAD, "a1", None, old))
    assert found(keys) == keys[:120]
    new = msgspec.structs.replace(old, keys=keys[60:] + keys[60:61])
    house.store.write(lambda tx: tx.write(THREAD, "a1", old, new))
    assert found(keys) == keys[60:]
    house.store.write(lambda tx: tx.write(THREAD, "a1", new, None))
    assert found(keys) == []


def test_a_failing_body_leaves_nothing(house: House) -> None:
    before = house.dump()

    def body(tx: Any) -> None:
        tx.write(MAILBOX, "a1", None, Mailbox(id="mx", name="x"))
        tx.put_blob("a1", b"octets", pending=True)
        raise invalid("x")

    with pytest.raises(Fault):
        house.store.write(body)
    assert house.dump() == before


def test_a_savepoint_undoes_what_is_inside_and_nothing_else(house: House) -> None:
    def body(tx: Any) -> None:
        tx.write(MAILBOX, "a1", None, Mailbox(id="m1", name="one"))
        with contextlib.suppress(Fault), tx.savepoint():
            tx.write(MAILBOX, "a1", None, Mailbox(id="m2", name="two"))
            with contextlib.suppress(Fault), tx.savepoint():
                tx.write(MAILBOX, "a2", None, Mailbox(id="m3", name="three"))
                raise Fault(Kind.FAILED)
            raise Fault(Kind.FAILED)
        tx.write(MAILBOX, "a1", None, Mailbox(id="m4", name="four"))

    told: list[Any] = []
    house.store.listeners.append(told.append)
    house.store.write(body)
    assert {"m1", "m4"} <= set(house.every("Mailbox"))
    assert not {"m2", "m3"} & set(house.every("Mailbox"))
    assert [set(changed) for changed in told] == [{"a1"}]
    assert house.state("Mailbox") == str(told[0]["a1"]["Mailbox"])


def test_an_account_that_is_not_there_takes_nothing(store: Store) -> None:
    with pytest.raises(Fault) as caught:
        store.write(lambda tx: tx.write(MAILBOX, "nobody", None, Mailbox(id="m1", name="x")))
    assert caught.value.kind is Kind.ACCOUNT_NOT_FOUND


def members(house: House, box: str) -> list[tuple[Any, ...]]:
    sql = "SELECT uid, item, removed, words FROM member WHERE account = 'a1' AND container = ? ORDER BY uid"
    return house.store.read(lambda view: view.db.rows(sql, (house.box[box],)))


def test_uids_are_never_used_again(house: House) -> None:
    one, two = house.add(), house.add()
    house.destroy("Email", two)
    three = house.add()
    house.update("Email", one, {"mailboxIds": {house.box["archive"]: True}})
    house.update("Email", one, {"mailboxIds": {house.box["inbox"]: True}})
    assert [(uid, item, removed) for uid, item, removed, _ in members(house, "inbox")] == [
        (1, one, 1), (2, two, 1), (3, three, 0), (4, one, 0),
    ]  # fmt: skip
    assert [(uid, removed) for uid, _, removed, _ in members(house, "archive")] == [(1, 1)]


def test_keywords_are_carried_beside_every_membership(house: House) -> None:
    id = house.add(None, "inbox", "archive", keywords={"$seen": True})
    house.update("Email", id, {"keywords/$flagged": True})
    assert {members(house, box)[0][3] for box in ("inbox", "archive")} == {" $flagged $seen "}


@pytest.mark.parametrize("kind", [MAILBOX, EMAIL, THREAD], ids=lambda kind: kind.name)
def test_a_purge_forgets_and_refuses_what_it_cannot_tell_any_more(house: House, kind: DataType[Any]) -> None:
    first = house.state(kind.name)
    gone = house.create("Mailbox", name="gone")
    house.destroy("Email", house.add())
    house.destroy("Mailbox", gone)
    last = house.state(kind.name)
    house.store.write(lambda tx: change.purge(tx.db, "a1", kind.name, 10**6))
    assert house.state(kind.name) == last
    assert house.refuse(f"{kind.name}/changes", sinceState=first)["type"] == "cannotCalculateChanges"
    assert house.call(f"{kind.name}/changes", sinceState=last)["created"] == []
    house.create("Mailbox", name="new")
    house.add()
    assert int(house.state(kind.name)) > int(last)
    assert len(house.call(f"{kind.name}/changes", sinceState=last)["created"]) == 1


def test_blobs_inline_and_in_files_are_read_alike(house: House, store: Store) -> None:
    small, large = b"s" * 1000, b"l" * 1001
    for data in (small, large):
        id = house.upload(data)
        assert house.upload(data) == id
        assert store.read(lambda view, b=id: (view.read_blob("a1", b), view.blob_size("a1", b))) == (data, len(data))  # type: ignore[misc]
        assert store.read(lambda view, b=id: view.read_blob("a2", b)) is None  # type: ignore[misc]
    assert len(store.blobs.names()) == 1


def test_a_reader_sees_the_moment_at_which_it_began(house: House) -> None:
    with house.store.snapshot() as view:
        before = view.ids(EMAIL, "a1", 10)
        house.add()
        assert view.ids(EMAIL, "a1", 10) == before == []
        assert view.state(EMAIL, "a1") == 0
    assert len(house.query()) == 1


def test_a_newer_store_is_refused_with_what_to_do(open_store: Opener) -> None:
    store = open_store()
    store.write(lambda tx: tx.db.run("INSERT INTO schema_version (number) VALUES (9999)"))
    store.close()
    with pytest.raises(StoreError, match=r"schema version 9999.*newer Pillarbox"):
        open_store()


def _deliver(folder: Path, url: str, count: int) -> None:
    store = open_engine(folder, url)
    for n in range(count):
        store.write(lambda tx, n=n: deliver(tx, "a1", message(f"Mail {n}")))  # type: ignore[misc]
    store.close()


def test_two_processes_write_one_store(house: House, open_store: Opener) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_deliver, args=(open_store.folder, open_store.url, 15)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(15):
        house.add()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    inbox = house.get("Mailbox", house.box["inbox"])
    assert inbox["totalEmails"] == inbox["unreadEmails"] == 45
    assert [uid for uid, *_ in members(house, "inbox")] == list(range(1, 46))
    assert house.get("Quota", "count")["used"] == 45
