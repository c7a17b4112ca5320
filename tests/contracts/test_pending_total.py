"""The total of blobs that nobody holds is what counting them gives, whatever happens to them."""

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.email import EMAIL
from pillarbox.services.blob_upload import store_upload
from pillarbox.services.uploads import expire_uploads
from pillarbox.storage import pending
from pillarbox.storage.store import Store
from tests.support.mail_house import House, message


def total(store: Store, account: str = "a1") -> tuple[int, int]:
    """(count, octets), as the account's row says and as counting says."""
    with store.snapshot() as view:
        assert view.pending_use(account) == pending.count(view.db, account)
        return view.pending_use(account)


def upload(house: House, data: bytes) -> str:
    return house.store.write(lambda tx: store_upload(tx, "a1", data))


def test_an_upload_is_counted_until_a_record_holds_it_and_again_when_none_does(house: House) -> None:
    data = message("An upload")
    blob = upload(house, data)
    assert upload(house, data) == blob
    assert total(house.store) == (1, len(data))
    (made,) = house.call("Email/import", emails={"i": {"blobId": blob, "mailboxIds": {house.box["inbox"]: True}}})[
        "created"
    ].values()
    assert total(house.store) == (0, 0)
    upload(house, data)
    assert total(house.store) == (0, 0)
    house.call("Email/set", destroy=[made["id"]])
    assert total(house.store) == (1, len(data))
    house.add(data)  # as a delivery does, without an upload
    assert total(house.store) == (0, 0)


def test_a_large_upload_is_counted_by_its_size(house: House) -> None:
    upload(house, b"x" * 5_000)  # outside of the database
    assert total(house.store) == (1, 5_000)


def test_what_is_undone_is_not_counted(house: House) -> None:
    def body(tx: Any) -> None:
        tx.put_blob("a1", b"kept", pending=True)
        with contextlib.suppress(Fault), tx.savepoint():
            tx.put_blob("a1", b"undone", pending=True)
            raise Fault(Kind.FAILED)

    house.store.write(body)
    assert total(house.store) == (1, 4)


def test_dropping_counts_each_blob_once_and_none_that_is_not_there(house: House) -> None:
    blob, other = upload(house, b"one"), upload(house, b"other")
    assert house.store.write(lambda tx: tx.drop_pending("a1", [blob, blob, "bnone"])) == 3
    assert total(house.store) == (1, 5)
    assert house.store.read(lambda view: view.blob_size("a1", other)) == 5


def test_an_expired_blob_of_each_account_is_taken_off_its_own_total(house: House) -> None:
    for account in ("a1", "a2"):
        house.store.write(lambda tx, a=account: tx.put_blob(a, b"forgotten", pending=True))  # type: ignore[misc]
    house.clock.forward(seconds=house.store.limits.upload_seconds + 1)
    assert [house.store.write(expire_uploads) for _ in range(3)] == [1, 1, 0]
    assert total(house.store, "a1") == total(house.store, "a2") == (0, 0)


def test_uploads_at_the_same_time_are_all_counted(house: House) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(upload, house, f"upload {n}".encode()) for n in range(40)]
        assert len({one.result(30) for one in done}) == 40
    assert total(house.store)[0] == 40


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_total_is_exact_after_any_history(house: House, seed: int) -> None:
    chance = random.Random(seed)
    house.store.limits = Limits(blob_inline_octets=1000, upload_quota_count=8)
    texts = [message(f"Message {n}", "x" * chance.choice((10, 3_000))) for n in range(12)]
    for _ in range(120):
        data = chance.choice(texts)
        act = chance.randrange(5)
        if act <= 1:
            upload(house, data)
        elif act == 2:
            house.add(data)
        elif act == 3:
            house.clock.forward(seconds=chance.choice((1, house.store.limits.upload_seconds)))
            house.store.write(expire_uploads)
        elif emails := house.store.read(lambda view: view.ids(EMAIL, "a1", 50)):
            house.call("Email/set", destroy=[chance.choice(emails)])
        count, _ = total(house.store)
        assert count <= 8 or act > 1  # only an upload makes room
