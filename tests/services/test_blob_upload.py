"""Uploads have a quota of their own; the oldest that nobody holds make room (RFC 8620 §6)."""

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.services.blob_access import is_whole, read_any, stored_size
from pillarbox.services.blob_upload import store_upload
from tests.directory_fixture import Office


@pytest.fixture
def account(office: Office) -> str:
    office.store.limits = Limits(upload_quota_octets=100, upload_quota_count=250)
    office.store.write(lambda tx: tx.add_account("a1"))
    return "a1"


def upload(office: Office, account: str, data: bytes) -> str:
    office.clock.forward(seconds=1)
    return office.store.write(lambda tx: store_upload(tx, account, data))


def is_there(office: Office, account: str, blob: str) -> bool:
    return office.store.read(lambda view: view.blob_size(account, blob)) is not None


def test_as_many_of_the_oldest_go_as_the_new_one_needs(office: Office, account: str) -> None:
    old, middle, young = (upload(office, account, letter * 30) for letter in (b"a", b"b", b"c"))
    new = upload(office, account, b"d" * 60)
    assert [is_there(office, account, blob) for blob in (old, middle, young, new)] == [False, False, True, True]


def test_an_upload_that_is_sent_again_counts_as_new(office: Office, account: str) -> None:
    old, young = upload(office, account, b"a" * 40), upload(office, account, b"b" * 40)
    assert upload(office, account, b"a" * 40) == old
    upload(office, account, b"c" * 40)
    assert (is_there(office, account, old), is_there(office, account, young)) == (True, False)


def test_hundreds_of_small_ones_go_for_a_large_one(office: Office, account: str) -> None:
    for number in range(99):
        upload(office, account, bytes([number]))
    upload(office, account, b"x" * 100)
    assert office.store.read(lambda view: view.pending_use(account)) == (1, 100)


def test_what_can_never_fit_is_over_quota_and_takes_nothing_away(office: Office, account: str) -> None:
    old = upload(office, account, b"a")
    with pytest.raises(Fault) as refused:
        upload(office, account, b"x" * 101)
    assert refused.value.kind is Kind.OVER_QUOTA
    assert is_there(office, account, old)


def test_a_slice_is_read_out_of_its_blob(office: Office, account: str) -> None:
    blob = upload(office, account, b"..aGVsbG8=..")
    sliced = f"{blob}-2-8-b"
    assert office.store.read(lambda view: read_any(view, account, sliced)) == b"hello"
    assert office.store.read(lambda view: read_any(view, account, blob)) == b"..aGVsbG8=.."
    assert office.store.read(lambda view: stored_size(view, account, sliced)) == 12
    assert (is_whole(blob), is_whole(sliced), is_whole("no id")) == (True, False, False)


@pytest.mark.parametrize("id", ["", "no id", "b0-1", "b0-5-9-i", "../x"])
def test_what_is_no_blob_is_nothing(office: Office, account: str, id: str) -> None:
    assert office.store.read(lambda view: read_any(view, account, id)) is None
