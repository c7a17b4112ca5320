"""What every store of large blobs has to do, whether it is a folder or a bucket."""

import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.storage.blob import BlobStore, blob_id
from pillarbox.storage.blob_file import FileBlobs
from pillarbox.storage.blob_incoming import IN_MEMORY, Incoming
from tests.support.s3_server import S3Server, s3_server

LARGE = bytes(range(251)) * 80_000  # some 20 MB: three parts of an S3 upload


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


@pytest.fixture(params=["files", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "files":
        return FileBlobs(tmp_path / "blobs")
    server: S3Server = request.getfixturevalue("server")
    return server.blobs()


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_what_is_written_is_read(blobs: BlobStore, size: int) -> None:
    data = b"x" * size
    id = blob_id(data)
    blobs.write(id, data)
    assert (blobs.read(id), blobs.size(id), blobs.digest(id, size)) == (data, size, id)


def test_what_is_not_there_is_none(blobs: BlobStore) -> None:
    assert (blobs.read("b000"), blobs.read_range("b000", 0, 5), blobs.size("b000")) == (None, None, None)
    assert blobs.digest("b000", 5) is None
    blobs.remove("b000")
    assert blobs.names() == []


def test_a_range_is_what_lies_in_it(blobs: BlobStore) -> None:
    data = bytes(range(100))
    id = blob_id(data)
    blobs.write(id, data)
    for start, end in ((0, 100), (0, 1), (10, 20), (99, 100), (90, 200), (100, 110), (500, 600), (5, 5)):
        assert blobs.read_range(id, start, end) == data[start:end], (start, end)


def test_writing_twice_is_writing_once(blobs: BlobStore) -> None:
    id = blob_id(b"twice")
    assert not blobs.is_settled(id)
    for anew in (False, False, True):
        blobs.write(id, b"twice", anew=anew)
        assert blobs.is_settled(id)
    assert blobs.names() == [id]


def test_what_is_removed_is_written_again(blobs: BlobStore) -> None:
    id = blob_id(b"back")
    blobs.write(id, b"back")
    blobs.remove(id)
    assert (blobs.read(id), blobs.is_settled(id)) == (None, False)
    blobs.write(id, b"back")
    assert blobs.read(id) == b"back"


def test_writing_anew_finds_out_what_another_has_removed(blobs: BlobStore, server: S3Server, tmp_path: Path) -> None:
    other = (
        FileBlobs(tmp_path / "blobs") if isinstance(blobs, FileBlobs) else server.blobs(prefix=blobs._place.prefix)  # type: ignore[attr-defined]
    )
    id = blob_id(b"gone")
    blobs.write(id, b"gone")
    other.remove(id)
    blobs.write(id, b"gone")  # this process believes that it is there
    assert other.read(id) is None
    blobs.write(id, b"gone", anew=True)
    assert other.read(id) == b"gone"


def test_many_may_write_the_same_at_once(blobs: BlobStore) -> None:
    data = b"y" * 100_000
    id = blob_id(data)
    threads = [threading.Thread(target=blobs.write, args=(id, data), kwargs={"anew": True}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (blobs.read(id), blobs.names()) == (data, [id])


def test_everything_is_listed_with_size_and_time(blobs: BlobStore) -> None:
    sizes = {}
    for n in range(30):
        data = b"%d" % n * n
        sizes[blob_id(data)] = len(data)
        blobs.write(blob_id(data), data)
    found = [stored for page in blobs.pages() for stored in page]
    assert {stored.name: stored.size for stored in found} == sizes
    assert all(abs(stored.written_at - time.time()) < 60 for stored in found)


@pytest.mark.parametrize("size", [10, IN_MEMORY, IN_MEMORY + 1, len(LARGE)])
def test_what_comes_in_pieces_is_stored_as_a_whole(blobs: BlobStore, size: int) -> None:
    incoming = Incoming(blobs)
    for start in range(0, size, 700_001):
        incoming.add(LARGE[start : min(start + 700_001, size)])
    assert (incoming.blob, incoming.size) == (blob_id(LARGE[:size]), size)
    incoming.store()
    incoming.store(anew=True)
    incoming.close()
    assert blobs.names() == [incoming.blob]
    assert blobs.read(incoming.blob) == LARGE[:size]


def test_what_is_not_stored_leaves_nothing(blobs: BlobStore) -> None:
    incoming = Incoming(blobs)
    incoming.add(LARGE)
    incoming.close()
    assert blobs.names() == []


def test_a_blob_of_the_wrong_size_is_replaced(blobs: BlobStore) -> None:
    id = blob_id(b"the whole of it")
    blobs.write(id, b"the who")
    blobs.write(id, b"the whole of it", anew=True)
    assert blobs.read(id) == b"the whole of it"
    with blobs.open_spool() as spool:
        spool.write(LARGE)
        large = blob_id(LARGE)
        blobs.write(large, b"some")
        blobs.write_file(large, spool, len(LARGE), anew=True)
    assert blobs.read(large) == LARGE
    assert isinstance(spool, io.IOBase) or spool.closed
