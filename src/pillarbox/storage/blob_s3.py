"""Blobs as objects of an S3-compatible store, under the same names as the files would have.

A write is believed when the server says that it has the very octets: every request is signed with the digest of its
body, which the server checks (AWS Signature Version 4), and afterwards the ETag or the size is compared. Objects are
made with `If-None-Match: *`, so of two nodes that write the same octets one does, and the other finds them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from pillarbox.core.faults import Fault, Kind
from pillarbox.storage.blob import PAGE, BlobStore, Stored
from pillarbox.storage.blob_url import BlobAccess, S3Place

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

T = TypeVar("T")
_log = logging.getLogger("pillarbox.blobs")
_FINAL = (PermissionDeniedError, UnauthenticatedError, InvalidPathError, NotSupportedError)
_PART = 8 << 20  # octets of a part; larger objects go up in several requests
_PARTS_AT_ONCE = 2  # what is in memory of one upload: so many parts, and one
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0
_GRUDGE_SECONDS = 10.0  # for so long after a failure nothing is tried twice: many would wait for what will not come


class S3Blobs(BlobStore):
    """A bucket, or what is under a prefix of it."""

    piece_octets = 1 << 20

    def __init__(
        self,
        place: S3Place,
        access: BlobAccess,
        *,
        sleep: Callable[[float], None] = time.sleep,
        spool_folder: Path | None = None,
    ) -> None:
        super().__init__()
        self._place, self._access, self._sleep = place, access, sleep
        self._spool_folder = spool_folder
        self._client: S3Store | None = None
        self._owner = 0
        self._failed_at = -_GRUDGE_SECONDS

    # --- reading

    def read(self, blob: str) -> bytes | None:
        return self._find("reading", lambda: bytes(self._store().get(_key(blob)).bytes()))

    def read_range(self, blob: str, start: int, end: int) -> bytes | None:
        if end <= start:
            return b""

        def get() -> bytes:
            try:
                return bytes(self._store().get_range(_key(blob), start=start, end=end))
            except BaseError as error:
                if "InvalidRange" in str(error) or "416 Range Not Satisfiable" in str(
                    error
                ):  # it ends before the range begins
                    return b""
                raise

        return self._find("reading", get)

    def size(self, blob: str) -> int | None:
        return self._find("looking for", lambda: self._store().head(_key(blob))["size"])

    def pages(self) -> Iterator[list[Stored]]:
        last: str | None = None
        while True:
            page = self._try("listing", lambda after=last: self._page(after))  # type: ignore[misc]
            if page:
                yield [Stored(m["path"].rpartition("/")[2], m["size"], m["last_modified"].timestamp()) for m in page]
            if len(page) < PAGE:
                return
            last = page[-1]["path"]

    def _page(self, after: str | None) -> list[Any]:
        """The next objects in the order of their names. Each page is a listing of its own, so each can be repeated."""
        for page in self._store().list(offset=after, chunk_size=PAGE):
            return list(page)
        return []

    # --- writing

    def open_spool(self) -> IO[bytes]:
        return tempfile.TemporaryFile(dir=self._spool_folder)

    def _write(self, blob: str, data: bytes) -> None:
        self._try("writing", lambda: self._create(blob, data))

    def _create(self, blob: str, data: bytes) -> None:
        try:
            put = self._store().put(_key(blob), data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            # Somebody was faster, or our own try before this one arrived after all.
            self._expect(blob, len(data), lambda: self._store().put(_key(blob), data, use_multipart=False))
            return
        etag = (put["e_tag"] or "").strip('"')
        if etag != hashlib.md5(data, usedforsecurity=False).hexdigest():  # so it is when the server encrypts
            self._expect(blob, len(data))

    def _write_file(self, blob: str, file: IO[bytes], size: int) -> None:
        if size <= _PART:
            file.seek(0)
            self._write(blob, file.read())
            return

        def send() -> None:
            # Parts cannot be made conditional everywhere. To replace an object by the same octets hurts nobody.
            if self._size_now(blob) == size:
                return
            file.seek(0)
            self._store().put(
                _key(blob), file, use_multipart=True, chunk_size=_part_octets(size), max_concurrency=_PARTS_AT_ONCE
            )
            self._expect(blob, size)

        self._try("writing", send)

    def _remove(self, name: str) -> None:
        self._find("deleting", lambda: self._store().delete(_key(name)))

    def _expect(self, blob: str, size: int, otherwise: Callable[[], object] | None = None) -> None:
        """Make sure that the object has this size; what else to do before it is looked at once more."""
        found = self._size_now(blob)
        if found != size and otherwise is not None:
            otherwise()
            found = self._size_now(blob)
        if found != size:
            raise BaseError(f"the object should have {size} octets, and has {found}")

    def _size_now(self, blob: str) -> int | None:
        try:
            return self._store().head(_key(blob))["size"]
        except FileNotFoundError:
            return None

    # --- trying

    def _find(self, what: str, body: Callable[[], T]) -> T | None:
        """The result, or None when there is no such object."""

        def find() -> T | None:
            try:
                return body()
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

        return self._try(what, find)

    def _try(self, what: str, body: Callable[[], T]) -> T:
        """The result of a body that may be run again. Raises UNAVAILABLE when nothing helped, or cannot help."""
        began = time.monotonic()
        patience = 0 if began - self._failed_at < _GRUDGE_SECONDS else self._access.seconds
        pause = _FIRST_PAUSE
        while True:
            try:
                result = body()
            except (BaseError, FileNotFoundError) as error:
                wait = random.uniform(pause / 2, pause)  # noqa: S311 -- so that many do not come back together
                is_late = time.monotonic() - began + wait >= patience
                if is_late or isinstance(error, (*_FINAL, FileNotFoundError)):
                    self._failed_at = time.monotonic()
                    _log.error("%s a blob in the bucket %s failed: %s", what, self._place.bucket, _told(error))
                    raise Fault(Kind.UNAVAILABLE, "the blob store cannot be used now; nothing was changed") from None
                _log.warning("%s a blob is tried again: %s", what, _told(error))
                self._sleep(wait)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            self._failed_at = -_GRUDGE_SECONDS
            return result

    def _store(self) -> S3Store:
        """The client, made at the first use: its threads must not be there before a process forks."""
        if self._client is None:
            self._client, self._owner = _client(self._place, self._access), os.getpid()
        if self._owner != os.getpid():
            raise RuntimeError("the blob store was used before the process forked")
        return self._client


def _client(place: S3Place, access: BlobAccess) -> S3Store:
    config: S3Config = {
        "region": place.region,
        "virtual_hosted_style_request": place.style == "virtual",
        "disable_bulk_delete": True,  # not every store has it
    }
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if access.key_id and access.secret:
        config["access_key_id"], config["secret_access_key"] = access.key_id, access.secret
    if access.session_token:
        config["session_token"] = access.session_token
    options: ClientConfig = {
        "allow_http": bool(place.endpoint and place.endpoint.startswith("http://")),
        "connect_timeout": timedelta(seconds=5),
        "read_timeout": timedelta(seconds=access.seconds),
        "timeout": timedelta(seconds=4 * access.seconds),
    }
    if place.ca:
        options["root_certificate"] = Path(place.ca).read_bytes()
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options=options,
        retry_config={"max_retries": 0},  # `_try` decides, in one place and within one time
    )


def _key(name: str) -> str:
    return f"{name[1:3]}/{name}"


def _part_octets(size: int) -> int:
    """How large the parts are: an object has at most 10,000."""
    return max(_PART, -(-size // 9_000))


def _told(error: Exception) -> str:
    """The first line of an error: what comes after it is a dump of the client's inside."""
    return str(error).partition("\n")[0][:300]
