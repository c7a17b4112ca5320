"""S3 when the network fails: tried again, or refused cleanly, and never half-done."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.services.uploads import sweep_files
from pillarbox.storage.blob import blob_id
from pillarbox.storage.blob_s3 import S3Blobs
from pillarbox.storage.blob_url import BlobAccess, S3Place
from pillarbox.storage.embedded import EmbeddedStore
from tests.directory_fixture import SetClock
from tests.support.s3_server import CuttingProxy, S3Server, ceph, s3_server

DATA = os.urandom(2_000_000)
ID = blob_id(DATA)
LARGE = DATA * 10


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture
def proxy(server: S3Server) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(server.endpoint)
    yield proxy
    proxy.close()


@pytest.fixture
def blobs(server: S3Server, proxy: CuttingProxy) -> S3Blobs:
    return server.blobs(proxy.endpoint)


def straight(server: S3Server, blobs: S3Blobs) -> S3Blobs:
    """The same bucket without the proxy."""
    return server.blobs(prefix=blobs._place.prefix)


def refused(blobs: S3Blobs, data: bytes = DATA) -> Fault:
    with pytest.raises(Fault) as caught:
        blobs.write(blob_id(data), data)
    assert caught.value.kind is Kind.UNAVAILABLE
    return caught.value


@pytest.mark.parametrize("after", [1, 5_000, 1_000_000, 1_999_000])
def test_a_write_that_is_cut_off_is_tried_again(
    server: S3Server, proxy: CuttingProxy, blobs: S3Blobs, after: int
) -> None:
    proxy.cut("up", after, times=2)
    blobs.write(ID, DATA)
    assert proxy.cuts == 2
    assert straight(server, blobs).read(ID) == DATA


def test_a_write_whose_answer_is_lost_is_done_once(server: S3Server, proxy: CuttingProxy, blobs: S3Blobs) -> None:
    proxy.cut("down", 1)
    blobs.write(ID, DATA)
    assert proxy.cuts == 1
    assert straight(server, blobs).names() == [ID]
    assert straight(server, blobs).read(ID) == DATA


@pytest.mark.parametrize("after", [1, 100, 1_000_000, 1_999_999])
def test_a_read_that_is_cut_off_is_tried_again(proxy: CuttingProxy, blobs: S3Blobs, after: int) -> None:
    blobs.write(ID, DATA)
    proxy.cut("down", after, times=2)
    assert blobs.read(ID) == DATA
    assert proxy.cuts == 2
    proxy.cut("down", 200)
    assert blobs.read_range(ID, 1_000, 500_000) == DATA[1_000:500_000]
    assert proxy.cuts == 3


@pytest.mark.parametrize("after", [100, 9_000_000, 17_000_000])
def test_an_upload_in_parts_is_tried_again(server: S3Server, proxy: CuttingProxy, blobs: S3Blobs, after: int) -> None:
    proxy.cut("up", after)
    with blobs.open_spool() as file:
        file.write(LARGE)
        blobs.write_file(blob_id(LARGE), file, len(LARGE))
    assert proxy.cuts == 1
    assert straight(server, blobs).read(blob_id(LARGE)) == LARGE


def test_a_store_that_is_not_there_refuses_and_nothing_is_done(server: S3Server, proxy: CuttingProxy) -> None:
    blobs = server.blobs(proxy.endpoint, seconds=1)
    proxy.is_refusing = True
    refused(blobs)
    assert not blobs.is_settled(ID)
    for ask in (blobs.read, blobs.size):
        with pytest.raises(Fault):
            ask(ID)
    proxy.is_refusing = False
    assert blobs.read(ID) is None
    blobs.write(ID, DATA)
    assert straight(server, blobs).read(ID) == DATA


def test_after_a_failure_nobody_waits_for_long(server: S3Server, proxy: CuttingProxy) -> None:
    pauses: list[float] = []
    place = S3Place(bucket=server.bucket, prefix="grudge", endpoint=proxy.endpoint)
    blobs = S3Blobs(place, server.access(1), sleep=pauses.append)
    proxy.is_refusing = True
    refused(blobs)
    assert pauses
    pauses.clear()
    refused(blobs)
    assert pauses == []


def test_a_wrong_key_is_not_tried_again_and_not_told(server: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    if os.environ.get("TEST_S3") is None:
        pytest.skip("moto takes any key")
    place = S3Place(bucket=server.bucket, endpoint=server.endpoint)
    access = BlobAccess(key_id=server.key_id, secret="guess-my-secret")
    pauses: list[float] = []
    refused(S3Blobs(place, access, sleep=pauses.append))
    assert pauses == []
    assert "guess-my-secret" not in caplog.text
    assert "guess-my-secret" not in repr(access)


def test_a_write_outlives_a_crash_of_the_store_in_its_middle(server: S3Server, proxy: CuttingProxy) -> None:
    if os.environ.get("TEST_S3") != "ceph":
        pytest.skip("only a store that the tests start as a process can be killed: `just s3`")
    crashes: list[float] = []

    def start_again(pause: float) -> None:
        if not crashes:
            ceph().start_gateway()
        crashes.append(pause)

    place = S3Place(bucket=server.bucket, prefix="crash", endpoint=proxy.endpoint)
    blobs = S3Blobs(place, server.access(60), sleep=start_again)
    blobs.write(ID, DATA)
    proxy.at_cut = ceph().kill_gateway
    proxy.cut("up", 9_000_000)
    with blobs.open_spool() as file:
        file.write(LARGE)
        blobs.write_file(blob_id(LARGE), file, len(LARGE))
    assert crashes
    assert (blobs.read(ID), blobs.read(blob_id(LARGE))) == (DATA, LARGE)


def test_a_bucket_that_is_not_there_is_no_missing_blob(server: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    blobs = S3Blobs(S3Place(bucket="nobodys", endpoint=server.endpoint), server.access())
    refused(blobs)
    with pytest.raises(Fault):
        blobs.read(ID)
    assert "nobodys" in caplog.text


def test_more_than_a_page_is_listed(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.storage.blob_s3.PAGE", 4)
    blobs = server.blobs()
    ids = [blob_id(b"%d" % n) for n in range(12)]
    for n, id in enumerate(ids):
        blobs.write(id, b"%d" % n)
    assert blobs.names() == sorted(ids, key=lambda name: (name[1:3], name))
    assert [len(page) for page in blobs.pages()] == [4, 4, 4]


def test_the_sweep_takes_out_of_the_bucket_what_nobody_wants(server: S3Server, tmp_path: Path) -> None:
    blobs = server.blobs()
    store = EmbeddedStore(tmp_path, clock=SetClock(), limits=Limits(blob_inline_octets=4), blobs=blobs)
    kept = store.write(lambda tx: tx.put_blob("a1", b"is kept", pending=True))
    left = store.write(lambda tx: tx.put_blob("a1", b"is left", pending=True))
    store.write(lambda tx: tx.drop_pending("a1", [left]))
    tomorrow = time.time() + 2 * 86_400
    assert [sweep_files(store, tomorrow + hours * 3_600) for hours in range(3)] == [0, 1, 0]
    assert blobs.names() == [kept]
    assert store.read(lambda view: view.read_blob("a1", kept)) == b"is kept"
    store.close()


def test_a_process_that_forked_may_not_go_on_with_its_parents_client(server: S3Server) -> None:
    blobs = server.blobs()
    blobs.write(ID, DATA)
    blobs._owner = 1
    with pytest.raises(RuntimeError, match="forked"):
        blobs.read(ID)
