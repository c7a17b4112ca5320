"""The download resource: a blob's octets under the type and name that the client gives (RFC 8620 §6.2).

The type is the client's word, HTML too, so the answer is locked up: saved and not shown, sandboxed, never sniffed.
"""

from __future__ import annotations

import re
from functools import partial

from pillarbox.core.account import Caller
from pillarbox.core.faults import Fault, Kind
from pillarbox.core.limits import Limits
from pillarbox.datatypes.view import View
from pillarbox.net.bridge import Bridge
from pillarbox.net.count import Seat
from pillarbox.servers.http.answer import Answer, Header
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.byte_range import Unsatisfiable, parse_range
from pillarbox.servers.http.disposition import attachment
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.jmap import blob_stream
from pillarbox.servers.jmap.concurrency import Concurrency
from pillarbox.servers.jmap.session import DOWNLOAD
from pillarbox.servers.jmap.upload import account_of
from pillarbox.services import blob_access
from pillarbox.services.blob_access import Extent

_ANY = "application/octet-stream"
# type/subtype and parameters; printable ASCII only, as it goes into a header.
_MEDIA_TYPE = re.compile(r"[!#$&^_.+A-Za-z0-9-]{1,127}/[!#$&^_.+A-Za-z0-9-]{1,127}(?:\s*;[ -~]{0,500})?\Z")
_FIXED: tuple[Header, ...] = (
    # RFC 8620 §6.2: the data of a blob id never changes.
    (b"cache-control", b"private, immutable, max-age=31536000"),
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"accept-ranges", b"bytes"),
)


class DownloadResource:
    """Answers GET and HEAD of the download address."""

    def __init__(self, gate: Gate, bridge: Bridge, limits: Limits, counts: Seat) -> None:
        self._gate, self._bridge, self._limits = gate, bridge, limits
        # What has to be decoded is in memory until it is taken.
        most = limits.max_concurrent_requests
        self._decoded = Concurrency("maxConcurrentRequests", most, counts, "large downloads")

    async def get(self, request: Request) -> Answer:
        """The blob, or a range of it."""
        caller = await self._gate.caller(request)
        account, blob, *names = [*request.segments(DOWNLOAD), ""]
        account_of(caller, account)
        tag = f'"{blob}"'
        wanted = request.query().get("accept", "")
        headers: tuple[Header, ...] = (
            (b"content-type", (wanted if _MEDIA_TYPE.match(wanted) else _ANY).encode("ascii")),
            (b"content-disposition", attachment("/".join(names[:-1]))),
            (b"etag", tag.encode("latin-1", "replace")),
            *_FIXED,
        )
        found = await self._find(account, blob)
        if isinstance(found, int):
            found = await self._decode(request, caller, account, blob)
        if _names_tag(request.header(b"if-none-match"), tag):
            return Answer(304, headers)
        size = len(found) if isinstance(found, bytes) else found.end - found.start
        status, more, start, end = _part(request, tag, size)
        headers = (*headers, *more)
        if isinstance(found, bytes):
            return Answer(status, headers, found[start:end] if status == 206 else found)
        if request.method == "HEAD":
            return Answer(status, headers, content_length=size)
        extent = Extent(found.blob, found.start + start, found.start + end)
        return Answer(
            status, headers, content_length=end - start, pieces=await blob_stream.outgoing(self._bridge, extent)
        )

    async def _decode(self, request: Request, caller: Caller, account: str, blob: str) -> bytes:
        """The octets of a large part. Raises a `limit` problem while the account has others that were not taken."""
        self._decoded.enter(caller.account)
        request.release = partial(self._decoded.leave, caller.account)
        data = await self._bridge.read(lambda view: blob_access.read_any(view, account, blob), slow=True)
        if data is None:
            raise Problem(404, "there is no such blob")
        return data

    async def _find(self, account: str, blob: str) -> bytes | Extent | int:
        """The octets; for large ones that are stored as they are, where they are; for others the size of the blob.

        Raises a 404 problem.
        """
        most, largest = self._limits.blob_inline_octets, self._limits.max_blob_octets_in_call

        def look(view: View) -> bytes | Extent | int | None:
            size = blob_access.stored_size(view, account, blob)
            if size is None:
                return None
            if size > most:
                extent = blob_access.extent(view, account, blob)
                if extent is not None:
                    return extent
                if size > largest:
                    raise Fault(Kind.REQUEST_TOO_LARGE, "this part of a blob is too large to be decoded")
                return size
            return blob_access.read_any(view, account, blob)

        found = await self._bridge.read(look)
        if found is None:
            raise Problem(404, "there is no such blob")
        return found


def _part(request: Request, tag: str, size: int) -> tuple[int, tuple[Header, ...], int, int]:
    """(status, further headers, start, end) of what is asked for. Raises a 416 problem."""
    condition = request.header(b"if-range")
    # RFC 9110 §14.2: ranges are defined for GET only; §13.1.5: a validator that does not match means the whole.
    if request.method != "GET" or b"range" not in request.headers or condition not in ("", tag):
        return 200, (), 0, size
    try:
        wanted = parse_range(request.header(b"range"), size)
    except Unsatisfiable:
        raise Problem(416, headers=((b"content-range", b"bytes */%d" % size),)) from None
    if wanted is None:
        return 200, (), 0, size
    start, end = wanted
    return 206, ((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)),), start, end


def _names_tag(value: str, tag: str) -> bool:
    """Whether If-None-Match holds the tag (RFC 9110 §13.1.2, weak comparison)."""
    return value.strip() == "*" or tag in (item.strip().removeprefix("W/") for item in value.split(","))
